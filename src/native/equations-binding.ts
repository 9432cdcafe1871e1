// SPDX-License-Identifier: Apache-2.0
// The part of the addon's surface that solves linear least squares: `native/core/solve/normal_equations.h`.

/** Calls do not wait for each other: make one when the promise of the last is settled. Rejects with an OrtserveError. */
export interface NativeEquations {
  /** Rows [rows, dimension] and [rows, outputs]; copied before the call returns. */
  add(x: Float32Array, y: Float32Array): Promise<void>;
  /** `anchor` and the result: [outputs, dimension + 1], the last of each row being the bias. */
  solve(anchor: Float32Array, ratio: number): Promise<Float32Array>;
  /** Releases the memory when a call in progress has ended. */
  close(): void;
}
