// SPDX-License-Identifier: Apache-2.0
// How wide weights may be. x64 processors without 8-bit dot products add two products of 8 bits in 16, which saturates: sums that
// are large come out wrong there. With 7 bits none does, and all are a little less precise.
import type { Machine } from "../run/machine.js";
import type { DraftOptions } from "../run/workbench.js";
import type { Target } from "./target.js";

export const cpuCompats = ["native", "avx2", "vnni"] as const;
/** "native": what is best on this processor; "avx2": right on every one; "vnni": for processors that have dot products. */
export type CpuCompat = (typeof cpuCompats)[number];

interface Wish {
  readonly target?: Target;
  readonly cpuCompat?: CpuCompat;
}

export function saturates({ int8Instructions }: Machine): boolean {
  return process.arch === "x64" && int8Instructions === "none";
}

export type WeightBits = 7 | 8;

/** What to try: both where it depends on the model which one loses less on this processor. */
export function weightBits({ target = "cpu", cpuCompat = "native" }: Wish, machine: Machine): readonly WeightBits[] {
  if (cpuCompat === "avx2") return [7];
  return cpuCompat === "native" && target === "cpu" && saturates(machine) ? [7, 8] : [8];
}

/** How drafts are run to be judged: where this processor saturates and theirs will not, by their floats, pair for pair. */
export function judgedBy(wish: Wish, machine: Machine): DraftOptions {
  const elsewhere = saturates(machine) && !weightBits(wish, machine).includes(7);
  return elsewhere ? { sessionOptions: { "session.disable_quant_qdq": "1" } } : {};
}
