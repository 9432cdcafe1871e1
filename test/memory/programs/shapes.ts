// SPDX-License-Identifier: Apache-2.0
// Hundreds of different shapes on one model. Prints the growth in MB between the first and the second half.
import { Model } from "../../../src/index.js";
import { modelPath } from "../../models/make.mjs";
import { residentMegabytes } from "./resident.js";

const model = await Model.load(modelPath("rowsum"));
async function run(from: number, to: number): Promise<void> {
  for (let i = from; i < to; i++) {
    const shape = [1 + (i % 7), 1000 + 17 * i];
    await model.predict({ x: { data: new Float32Array(shape.reduce((a, b) => a * b)), shape } });
  }
}
await run(250, 500); // the larger half first: the second only adds shapes
const before = await residentMegabytes();
await run(0, 250);
console.log(JSON.stringify({ growth: (await residentMegabytes()) - before }));
