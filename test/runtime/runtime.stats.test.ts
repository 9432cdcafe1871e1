// SPDX-License-Identifier: Apache-2.0
// What model.stats() says of times: stages that add up, counted before the answer is there.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Model, type ModelStats } from "../../src/index.js";
import { modelPath } from "../models/make.mjs";

const row = (value: number) => Float32Array.of(value, 1, 2, 3);

/** Nanoseconds of all stages that follow one another. */
function stages(stats: ModelStats): number {
  const each = [stats.decode, stats.queue, stats.computeInput, stats.computeInfer, stats.computeOutput, stats.cacheHit];
  return each.reduce((sum, { nanoseconds }) => sum + nanoseconds, 0);
}

test("a refused request leaves the times alone", async () => {
  const model = await Model.load(modelPath("mlp_tiny"));
  await assert.rejects(model.predict(new Float32Array(3)), {
    code: "ERR_INVALID_INPUT",
  });
  const { requests, success, fail, lastRequestMillis } = model.stats();
  assert.deepEqual({ requests, success, fail }, { requests: 0, success: none, fail: none });
  assert.equal(lastRequestMillis, 0);
  await model.close();
});

const none = { count: 0, nanoseconds: 0 };

for (const inlineMicros of [0, 1000]) {
  test(`the stages add up to no more than the whole, ${inlineMicros ? "inline" : "on workers"}`, async () => {
    const model = await Model.load(modelPath("mlp_tiny"), { inlineMicros });
    const before = Date.now();
    const calls = Array.from({ length: 200 }, (_, i) => model.predict(row(i)));
    await calls[0];
    assert.ok(model.stats().success.count >= 1, "counted before its answer is there");
    await Promise.all(calls);
    const stats = model.stats();
    assert.equal(stats.success.count, 200);
    for (const stage of [stats.decode, stats.queue, stats.computeInput, stats.computeInfer, stats.computeOutput]) {
      assert.equal(stage.count, 200);
      assert.ok(Number.isInteger(stage.nanoseconds));
    }
    assert.ok(stats.computeInfer.nanoseconds > 0);
    assert.ok(stats.success.nanoseconds >= stages(stats), JSON.stringify(stats));
    assert.ok(stats.lastRequestMillis >= before - 1 && stats.lastRequestMillis <= Date.now() + 1);
    await model.close();
  });
}

test("batches are told by their size, with the stages of each execution", async () => {
  const model = await Model.load(modelPath("mlp_tiny"), { inlineMicros: 0, instances: 1 });
  await Promise.all(Array.from({ length: 100 }, (_, i) => model.predict(row(i))));
  const { batches, executions, rows, computeInfer } = model.stats();
  assert.equal(
    batches.reduce((sum, { count }) => sum + count, 0),
    executions,
  );
  assert.equal(
    batches.reduce((sum, batch) => sum + batch.rows * batch.count, 0),
    rows,
  );
  // Every request was one row: an execution's time is counted once per row.
  const perRequest = batches.reduce((sum, batch) => sum + batch.rows * batch.computeInfer.nanoseconds, 0);
  assert.equal(perRequest, computeInfer.nanoseconds);
  await model.close();
});

test("hits and joins count as success and in the queue, and never as compute", async () => {
  const model = await Model.load(modelPath("mlp_tiny"), { cache: true, inlineMicros: 0 });
  await Promise.all([model.predict(row(1)), model.predict(row(1))]);
  await model.predict(row(1));
  const stats = model.stats();
  assert.equal(stats.success.count, 3);
  assert.equal(stats.queue.count, 3);
  assert.equal(stats.cacheMiss.count, 1);
  assert.equal(stats.cacheHit.count, 2);
  assert.equal(stats.computeInfer.count, 1);
  assert.ok(stats.success.nanoseconds >= stages(stats));
  await model.close();
});

test("the backlog is the time that the queue will take, and none without one", async () => {
  const model = await Model.load(modelPath("slow_fixed"), { instances: 1, batching: "off" });
  assert.equal(model.backlogMillis(), 0);
  const calls = Array.from({ length: 4 }, () => model.predict(new Float32Array(4)));
  assert.ok(model.backlogMillis() > 0);
  await Promise.all(calls);
  await model.close();
  assert.equal(model.backlogMillis(), 0);
});
