// SPDX-License-Identifier: Apache-2.0
// Reads small files of a repository, in which anybody's files may lie.
import { constants, type Stats } from "node:fs";
import { readFile, stat } from "node:fs/promises";

/**
 * Reads a file, and nothing but a file: a pipe or a device may keep its reader waiting for good, and with it one of the few
 * threads that all file work and the decoding of images share.
 */
export async function readTextFile(path: string): Promise<string> {
  const info = await stat(path);
  if (!info.isFile()) throw new Error(`expected a file, got ${kindOf(info)}`);
  const flag = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0); // should it become a pipe right now
  return readFile(path, { encoding: "utf8", flag });
}

function kindOf(info: Stats): string {
  if (info.isDirectory()) return "a directory";
  return info.isFIFO() ? "a pipe" : info.isSocket() ? "a socket" : "a device";
}
