// SPDX-License-Identifier: Apache-2.0
// Cores of their own for a server and for the load generator, as with clients on other machines.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** Lists of cores, as taskset takes them. */
export interface CoreSplit {
  readonly server: string;
  readonly load: string;
}

/** Half of the cores that this process may use for each side. @throws where cores cannot be given out */
export function splitCores(): CoreSplit {
  if (process.platform !== "linux" || spawnSync("taskset", ["-V"]).error !== undefined) {
    throw new Error("cores of their own for server and load generator need Linux and taskset");
  }
  const cores = allowedCores(readFileSync("/proc/self/status", "utf8"));
  if (cores.length < 2) throw new Error(`expected two cores or more, one for the load generator, got ${cores.length}`);
  const half = cores.length >> 1;
  return { server: cores.slice(0, half).join(","), load: cores.slice(half).join(",") };
}

/** The same program and arguments, on these cores alone; process id and standard streams are the program's. */
export function onCores(cores: string | undefined, command: string, args: readonly string[]): [string, string[]] {
  return cores === undefined ? [command, [...args]] : ["taskset", ["-c", cores, command, ...args]];
}

/** Of a line such as "Cpus_allowed_list:	0-3,8". */
function allowedCores(status: string): number[] {
  const list = /^Cpus_allowed_list:\s*(\S+)$/m.exec(status)?.[1] ?? "";
  return list.split(",").flatMap((range) => {
    const [first = 0, last = first] = range.split("-").map(Number);
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
}
