// SPDX-License-Identifier: Apache-2.0
// Several workers and the main thread with one model: one set of weights, everybody's own results.
import assert from "node:assert/strict";
import { Worker } from "node:worker_threads";
import { Model } from "../../../src/index.js";
import { modelPath } from "../../models/make.mjs";

const model = await Model.load(modelPath("mlp_mid"));
const row = Float32Array.from({ length: 784 }, (_, i) => Math.sin(i));
const expected = (await model.predict(row)).y?.data as Float32Array;
const workers = Array.from(
  { length: 4 },
  () => new Worker(new URL("worker.mjs", import.meta.url), { workerData: { program: "sharing-worker", id: model.id } }),
);
const results = await Promise.all(
  workers.map(
    (worker) =>
      new Promise<Float32Array>((resolve, reject) => {
        worker.once("message", resolve);
        worker.once("error", reject);
      }),
  ),
);
for (const result of results) {
  for (const [i, value] of result.entries()) assert.ok(Math.abs(value - (expected[i] ?? Number.NaN)) < 1e-6);
}
assert.equal(model.stats().requests, 1 + 4 * 50);
await model.close();
console.log("shared");
