// SPDX-License-Identifier: Apache-2.0
// Many calls at once: each gets its own rows, a bad one fails alone, and the event loop stays free.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Model, type OrtserveError } from "../../src/index.js";
import { modelPath } from "../models/make.mjs";

test("one bad row fails alone: its batch mates get their results", async () => {
  const model = await Model.load(modelPath("failing"), {
    inlineMicros: 0,
    instances: 1,
    maxBatchRows: 64,
    maxDelayMs: 20,
  });
  const table = [10, 20, 30, 40];
  const calls = Array.from({ length: 64 }, (_, i) => {
    const index = i % 8 === 5 ? 99 : i % 4;
    return model.predict({ index: [[index]] }).then(
      ({ y }) => assert.deepEqual(y?.data, Float32Array.of(table[index] ?? Number.NaN)),
      (error: OrtserveError) => {
        assert.equal(index, 99, error.message);
        assert.equal(error.code, "ERR_INVALID_INPUT");
      },
    );
  });
  await Promise.all(calls);
  const stats = model.stats();
  assert.equal(stats.fail.count, 8);
  assert.equal(stats.success.count, 56);
  assert.ok(stats.isolated > 0, "no batch was run again row by row");
  await model.close();
});

test("calls of any shapes and sizes at once: each gets its own rows", async () => {
  const model = await Model.load(modelPath("ident2d_fp32"));
  const rowsum = await Model.load(modelPath("rowsum"), { inlineMicros: 0 });
  const request = fc.record({
    rows: fc.integer({ min: 1, max: 5 }),
    width: fc.integer({ min: 1, max: 4 }),
    start: fc.integer({ min: 0, max: 1000 }),
    transfer: fc.boolean(),
    sum: fc.boolean(),
  });
  const property = fc.asyncProperty(fc.array(request, { minLength: 1, maxLength: 60 }), async (requests) => {
    const calls = requests.map(async ({ rows, width, start, transfer, sum }) => {
      const data = Float32Array.from({ length: rows * width }, (_, i) => start + i);
      const expected = sum
        ? Float32Array.from({ length: rows }, (_, r) =>
            data.subarray(r * width, (r + 1) * width).reduce((a, b) => a + b, 0),
          )
        : data.slice();
      const value = { data, shape: [rows, width] };
      const output = sum
        ? (await rowsum.predict({ x: value }, { transfer })).sum
        : (await model.predict({ INPUT0: value }, { transfer })).OUTPUT0;
      assert.deepEqual(output?.data, expected);
    });
    await Promise.all(calls);
  });
  await fc.assert(property, { numRuns: 60 });
  assert.ok(rowsum.stats().executions < rowsum.stats().requests, "nothing was ever batched");
  await Promise.all([model.close(), rowsum.close()]);
});

test("rows of one call and of many come out the same, in batches", async () => {
  const model = await Model.load(modelPath("mlp_mid"), { inlineMicros: 0, maxDelayMs: 5 });
  const rows = Array.from({ length: 48 }, (_, r) =>
    Float32Array.from({ length: 784 }, (_, i) => Math.cos(r * 784 + i)),
  );
  const single = await Promise.all(rows.map(async (row) => (await model.predict(row)).y?.data as Float32Array));
  const alone = await Model.load(modelPath("mlp_mid"), { batching: "off" });
  for (const [r, row] of rows.entries()) {
    const { y } = await alone.predict(row);
    assert.ok(y);
    for (const [i, value] of (y.data as Float32Array).entries()) {
      assert.ok(Math.abs(value - (single[r]?.[i] ?? Number.NaN)) <= 1e-5 * Math.max(1, Math.abs(value)));
    }
  }
  assert.ok(model.stats().executions < 48);
  await Promise.all([model.close(), alone.close()]);
});

test("the event loop turns while every core computes", async () => {
  const model = await Model.load(modelPath("slow"), { batching: "off" });
  const calls = Promise.all(
    Array.from({ length: 20 }, () => model.predict({ x: [[1, 2, 3, 4]], iterations: [[200]] })),
  );
  let turns = 0;
  let done = false;
  calls.finally(() => {
    done = true;
  });
  while (!done) {
    await new Promise((resolve) => setImmediate(resolve));
    turns++;
  }
  await calls;
  // 20 runs: a loop that they block would turn about once for each.
  assert.ok(turns > 200, `${turns} turns`);
  await model.close();
});

test("a call is never answered before predict() returns", async () => {
  const model = await Model.load(modelPath("mlp_tiny"), { inlineMicros: 1_000_000 });
  let answered = false;
  const call = model.predict(new Float32Array(4)).then(() => {
    answered = true;
  });
  await Promise.resolve();
  assert.equal(answered, false);
  await call;
  assert.equal(model.stats().ranInline, 1);
  await model.close();
});
