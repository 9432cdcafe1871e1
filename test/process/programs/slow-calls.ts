// SPDX-License-Identifier: Apache-2.0
// What the programs of this folder run: calls that keep every core busy, with copied and with lent memory.
import { Model, type ModelOptions } from "../../../src/index.js";
import { modelPath } from "../../models/make.mjs";

export const loadSlow = (options?: ModelOptions) => Model.load(modelPath("slow"), options);

/** One row for about 0.15 ms x `iterations`. */
export function slowCall(model: Model, iterations: number, transfer = false): Promise<unknown> {
  const x = { data: Float32Array.of(1, 2, 3, 4), shape: [1, 4] };
  const inputs = { x, iterations: { data: BigInt64Array.of(BigInt(iterations)), shape: [1, 1] } };
  return model.predict(inputs, { transfer });
}
