// SPDX-License-Identifier: Apache-2.0
// Static or dynamic: what suits a model follows from where its work is.
import { multiplyAccumulates } from "../run/cost.js";
import type { NodeRun } from "../run/profile.js";

/** Convolutions against matrix products: what does more of the work decides the mode. */
export function preferredMode(runs: readonly NodeRun[]): "static" | "dynamic" {
  const work = (...ops: string[]) =>
    runs.filter(({ op }) => ops.includes(op)).reduce((sum, run) => sum + multiplyAccumulates(run), 0);
  return work("Conv") >= work("MatMul", "Gemm") ? "static" : "dynamic";
}
