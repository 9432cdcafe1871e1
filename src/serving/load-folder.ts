// SPDX-License-Identifier: Apache-2.0
// Folders of files that exist only for a load. A process that is killed meanwhile leaves them behind, with a model's weights in them:
// whoever starts later removes those whose process is gone. Their names say whose they are.
import { createHash } from "node:crypto";
import { lstat, mkdtemp, readdir, readFile, readlink, rm } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";

/** ortserve-load-PID-START-SPACE-RANDOM */
const pattern = /^ortserve-load-([1-9][0-9]*)-([0-9]+)-([0-9a-f]{12})-[A-Za-z0-9]{6}$/;

/** In the temporary directory, for this process's user only. Remove it after the load. */
export async function makeLoadFolder(): Promise<string> {
  const [start, space] = await Promise.all([startOf(process.pid), processSpace()]);
  return mkdtemp(join(tmpdir(), `ortserve-load-${process.pid}-${start ?? 0}-${space}-`));
}

/** Removes this user's folders of processes that are gone, and of no other. Never rejects: what cannot be removed stays. */
export async function clearLoadFolders(): Promise<void> {
  const space = await processSpace();
  const names = await readdir(tmpdir()).catch(() => []);
  for (const name of names) {
    const [, pid, start, where] = pattern.exec(name) ?? [];
    if (where !== space || !(await isGone(Number(pid), Number(start)))) continue;
    const path = join(tmpdir(), name);
    if (await isOurs(path)) await rm(path, { recursive: true, force: true }).catch(() => {});
  }
}

/**
 * Where a process number means one process: a PID namespace of one boot of one machine. A folder that comes from elsewhere, by a
 * temporary directory that containers or machines share, may belong to a process that lives.
 */
async function processSpace(): Promise<string> {
  const [boot, namespace] = await Promise.all([
    readFile("/proc/sys/kernel/random/boot_id", "utf8").catch(() => hostname()),
    readlink("/proc/self/ns/pid").catch(() => ""),
  ]);
  return createHash("sha256").update(`${boot}\0${namespace}`).digest("hex").slice(0, 12);
}

/** When a process began, in ticks since the boot; undefined where the system does not tell. */
async function startOf(pid: number): Promise<number | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  // Field 22; the second, the program's name in parentheses, may hold anything.
  const start = text.slice(text.lastIndexOf(")") + 2).split(" ")[19];
  return start === undefined || start === "" ? undefined : Number(start);
}

/** Another process may have got its number. */
async function isGone(pid: number, start: number): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return true;
  }
  const now = await startOf(pid);
  return now !== undefined && start !== 0 && now !== start;
}

/** A link, or a folder that somebody else may change meanwhile, could lead the removal anywhere. */
async function isOurs(path: string): Promise<boolean> {
  const info = await lstat(path).catch(() => undefined);
  return info?.isDirectory() === true && (process.getuid === undefined || info.uid === process.getuid());
}
