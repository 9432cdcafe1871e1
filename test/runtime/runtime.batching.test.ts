// SPDX-License-Identifier: Apache-2.0
// How calls become batches: sizes, padding, order, the found delay, and what the statistics say about it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Model } from "../../src/index.js";
import { modelPath } from "../models/make.mjs";

/** One call per value: a row of two, whose sum comes back. */
function callAll(model: Model, values: readonly number[]): Promise<void>[] {
  return values.map(async (value) => {
    const { sum } = await model.predict({ x: { data: Float32Array.of(value, 1), shape: [1, 2] } });
    assert.deepEqual(sum?.data, Float32Array.of(value + 1));
    assert.deepEqual(sum?.shape.slice(0, 1), [1]);
  });
}

const values = Array.from({ length: 6 }, (_, i) => 10 * i);

test("a batch is filled up to an allowed size, and nobody sees the filling", async () => {
  const model = await Model.load(modelPath("rowsum"), { inlineMicros: 0, instances: 1, padTo: [8] });
  await Promise.all(callAll(model, values));
  const stats = model.stats();
  assert.equal(stats.rows, values.length);
  assert.ok(stats.paddedRows > 0);
  assert.deepEqual(
    stats.batches.map((batch) => batch.rows),
    [8],
  );
  await model.close();
});

test("calls of different lengths share a batch once their dim is bucketed, and get their own length back", async () => {
  const options = { inlineMicros: 0, instances: 1, maxDelayMs: 3_600_000, maxBatchRows: 4 };
  const model = await Model.load(modelPath("ident2d_fp32"), { ...options, bucketAxes: { m: { sizes: [8, 4] } } });
  const lengths = [1, 4, 2, 3];
  const replies = await Promise.all(
    lengths.map((length) =>
      model.predict({ INPUT0: { data: new Float32Array(length).fill(length), shape: [1, length] } }),
    ),
  );
  replies.forEach(({ OUTPUT0 }, i) => {
    const length = lengths[i] as number;
    assert.deepEqual(OUTPUT0?.shape, [1, length]);
    assert.deepEqual(OUTPUT0?.data, new Float32Array(length).fill(length));
  });
  assert.deepEqual(
    model.stats().batches.map(({ rows, count }) => [rows, count]),
    [[4, 1]],
  );
  await model.close();
});

test("a bucketed dim must be one of the model's", async () => {
  await assert.rejects(Model.load(modelPath("rowsum"), { bucketAxes: { widht: { sizes: [4] } } }), {
    code: "ERR_INVALID_ARGUMENT",
    message: /bucketed dim 'widht': expected a dynamic dim of an input, by its name in the graph, one of width/,
  });
});

test("a preferred size runs at once, however long the delay", async () => {
  const model = await Model.load(modelPath("rowsum"), {
    inlineMicros: 0,
    instances: 1,
    maxDelayMs: 3_600_000,
    preferredBatchRows: [3],
  });
  await Promise.all(callAll(model, values));
  assert.equal(model.stats().batchCuts.preferred, 2);
  await model.close();
});

test("the statistics say why each batch had its size", async () => {
  const model = await Model.load(modelPath("rowsum"), {
    inlineMicros: 0,
    instances: 1,
    maxBatchRows: 2,
    maxDelayMs: 3_600_000,
  });
  await Promise.all(callAll(model, values));
  assert.deepEqual(model.stats().batchCuts, {
    full: 3,
    share: 0,
    preferred: 0,
    delay: 0,
    deadline: 0,
    shape: 0,
    instanceFree: 0,
  });
  await model.close();
});

test("calls settle in their order when asked to", async () => {
  const model = await Model.load(modelPath("rowsum"), {
    inlineMicros: 0,
    instances: 2,
    maxBatchRows: 1,
    preserveOrdering: true,
  });
  const settled: number[] = [];
  const many = Array.from({ length: 200 }, (_, i) => i);
  await Promise.all(callAll(model, many).map((call, i) => call.then(() => settled.push(i))));
  assert.deepEqual(settled, many);
  await model.close();
});

test("a found delay changes no result", async () => {
  const model = await Model.load(modelPath("rowsum"), { inlineMicros: 0, instances: 1, maxDelayMs: "auto" });
  for (let round = 0; round < 50; round++) await Promise.all(callAll(model, values));
  assert.equal(model.stats().success.count, 50 * values.length);
  await model.close();
});
