// SPDX-License-Identifier: Apache-2.0
// A worker that uses a model of the main thread by its id, and loads the same file itself.
import assert from "node:assert/strict";
import { parentPort, workerData } from "node:worker_threads";
import { Model } from "../../../src/index.js";
import { modelPath } from "../../models/make.mjs";

const attached = Model.attach(workerData.id as number);
const loaded = await Model.load(modelPath("mlp_mid"));
const row = Float32Array.from({ length: 784 }, (_, i) => Math.sin(i));
const results = await Promise.all(
  Array.from(
    { length: 100 },
    async (_, i) => (await (i % 2 === 0 ? attached : loaded).predict(row)).y?.data as Float32Array,
  ),
);
for (const result of results) assert.deepEqual(result.length, 10);
await loaded.close();
parentPort?.postMessage(results[0]);
