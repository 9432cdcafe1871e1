// SPDX-License-Identifier: Apache-2.0
// Whether files are what they were: by names, sizes, times and inodes, without reading them.
import { createHash } from "node:crypto";
import type { BigIntStats } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join, relative } from "node:path";

export interface Fingerprint {
  /** Differs when a file was written, replaced, added or removed. */
  readonly digest: string;
  /** Size of all files together. */
  readonly bytes: number;
}

/** Of one file, or of all files below a directory. A file that vanishes meanwhile counts as absent. */
export async function fingerprint(path: string): Promise<Fingerprint> {
  const info = await status(path);
  if (info === undefined || info.isFile()) return combine(path, info ? [[path, info]] : []);
  const names = await readdir(path, { recursive: true }).catch(() => [] as string[]);
  const found = await Promise.all(names.sort().map(async (name) => [join(path, name), await status(join(path, name))]));
  return combine(path, found as [string, BigIntStats | undefined][]);
}

function status(path: string): Promise<BigIntStats | undefined> {
  return stat(path, { bigint: true }).catch(() => undefined);
}

function combine(root: string, files: [string, BigIntStats | undefined][]): Fingerprint {
  const hash = createHash("sha256");
  let bytes = 0;
  for (const [path, info] of files) {
    if (info === undefined || info.isDirectory()) continue;
    bytes += Number(info.size);
    // ctime too: a copy that keeps the modification time of its source still changes it.
    hash.update(`${relative(root, path)}\0${info.size}\0${info.mtimeNs}\0${info.ctimeNs}\0${info.ino}\0`);
  }
  return { digest: hash.digest("base64url"), bytes };
}
