// SPDX-License-Identifier: Apache-2.0
// Multiply-accumulates of a node, from the shapes it ran on.
import type { NodeRun } from "./profile.js";

const product = (dims: readonly number[]) => dims.reduce((a, b) => a * b, 1);

/** Operators whose work is in products of matrices; everything else counts as none. */
const formulas: Readonly<Record<string, (shapes: readonly number[][], output: readonly number[]) => number>> = {
  // Each output element sums over one filter.
  Conv: ([, weights = []], output) => product(output) * product(weights.slice(1)),
  // Each input element is spread over one filter.
  ConvTranspose: ([data = [], weights = []]) => product(data) * product(weights.slice(1)),
  MatMul: ([left = []], output) => product(output) * (left.at(-1) ?? 1),
  // Holds with either side transposed.
  Gemm: ([left = []], output) => (product(output) * product(left)) / Math.max(1, output[0] ?? 1),
  LSTM: recurrent,
  GRU: recurrent,
  RNN: recurrent,
};

/** Input [steps, rows, width], weights [directions, gates, width], recurrent weights [directions, gates, state]. */
function recurrent([data = [], weights = [], state = []]: readonly number[][]): number {
  return product(data.slice(0, 2)) * (product(weights) + product(state));
}

export function multiplyAccumulates(run: NodeRun): number {
  const shapes = run.inputs.map(({ shape }) => [...shape]);
  return formulas[run.op]?.(shapes, run.outputs[0]?.shape ?? []) ?? 0;
}
