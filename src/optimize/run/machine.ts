// SPDX-License-Identifier: Apache-2.0
// What this machine's processor can do with 8-bit integers: a model is tuned on it and may be slower, or wrong, on another.
import { readFileSync } from "node:fs";
import { cpus } from "node:os";

/** From the best to the worst; x64 names as the kernel has them, then arm64's. */
const instructions = ["amx_int8", "avx512_vnni", "avx_vnni", "i8mm", "asimddp"];

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  /** "avx512_vnni", for example; "none": 8-bit products saturate or gain nothing; "unknown" where the system does not tell. */
  readonly int8Instructions: string;
}

export function thisMachine(): Machine {
  const all = cpus();
  return { cpu: all[0]?.model.trim() ?? "unknown", cores: all.length, int8Instructions: int8Instructions() };
}

function int8Instructions(): string {
  try {
    const text = readFileSync("/proc/cpuinfo", "utf8");
    const flags = new Set((/^(?:flags|Features)\s*:(.*)$/m.exec(text)?.[1] ?? "").trim().split(" "));
    return instructions.find((name) => flags.has(name)) ?? "none";
  } catch {
    return "unknown"; // no Linux
  }
}
