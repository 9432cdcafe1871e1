// SPDX-License-Identifier: Apache-2.0
// Calls that end before their result: aborted, late, refused by a full queue.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Model, type OrtserveError } from "../../src/index.js";
import { modelPath } from "../models/make.mjs";

const slow = modelPath("slow");
/** One row that keeps a core busy for about 0.15 ms x `iterations`. */
const row = (iterations: number) => ({ x: [[1, 2, 3, 4]], iterations: [[iterations]] });
const codeOf = (call: Promise<unknown>) =>
  call.then(
    () => "OK",
    (error: OrtserveError) => error.code,
  );

test("a signal that was aborted before refuses at once and queues nothing", async () => {
  const model = await Model.load(slow);
  const reason = new Error("no longer needed");
  await assert.rejects(model.predict(row(1), { signal: AbortSignal.abort(reason) }), (error: OrtserveError) => {
    assert.equal(error.code, "ERR_CANCELLED");
    assert.equal(error.cause, reason);
    return true;
  });
  assert.equal(model.stats().requests, 0);
  await model.close();
});

test("an abort rejects at once; what still waits is dropped without running", async () => {
  const model = await Model.load(slow, { instances: 1, batching: "off" });
  const running = model.predict(row(300));
  const controller = new AbortController();
  const waiting = Array.from({ length: 20 }, () => codeOf(model.predict(row(300), { signal: controller.signal })));
  controller.abort();
  assert.deepEqual(await Promise.all(waiting), Array(20).fill("ERR_CANCELLED"));
  await running;
  await model.close();
  const stats = model.stats();
  assert.equal(stats.cancelled, 20);
  assert.equal(stats.executions, 1);
});

test("an abort after the result changes nothing", async () => {
  const model = await Model.load(slow);
  const controller = new AbortController();
  const { y } = await model.predict(row(1), { signal: controller.signal });
  controller.abort();
  assert.deepEqual(y?.data, Float32Array.of(1, 2, 3, 4));
  await model.close();
});

test("a hopeless deadline is refused at once, without a run", async () => {
  const model = await Model.load(modelPath("slow_fixed")); // every run takes tens of milliseconds
  const executions = model.stats().executions;
  assert.equal(await codeOf(model.predict([[1, 2, 3, 4]], { timeoutMs: 0.5 })), "ERR_DEADLINE_EXCEEDED");
  assert.equal(model.stats().executions, executions);
  assert.equal(model.stats().refusedDeadline, 1);
  await model.close();
});

test("a deadline that passes while the call waits or runs rejects it", async () => {
  const model = await Model.load(slow, { instances: 1, batching: "off" });
  const first = model.predict(row(2000));
  const late = await Promise.all(
    [model.predict(row(2000), { timeoutMs: 60 }), model.predict(row(1), { timeoutMs: 60 })].map(codeOf),
  );
  assert.deepEqual(late, ["ERR_DEADLINE_EXCEEDED", "ERR_DEADLINE_EXCEEDED"]);
  await first;
  await model.close();
});

test("a full queue refuses at once and says what it holds", async () => {
  const model = await Model.load(slow, { instances: 1, batching: "off", maxQueueRows: 4 });
  const calls = Array.from({ length: 12 }, () => model.predict(row(100)));
  const codes = await Promise.all(calls.map(codeOf));
  assert.ok(codes.includes("OK"));
  assert.ok(codes.filter((code) => code === "ERR_QUEUE_FULL").length >= 7, codes.join());
  const refused = await Promise.allSettled(calls);
  const messages = refused.flatMap((result) =>
    result.status === "rejected" ? [(result.reason as Error).message] : [],
  );
  assert.match(messages[0] ?? "", /queue of model 'slow' is full: 4 rows/);
  await model.close();
});

test("a request of too many rows is refused", async () => {
  const model = await Model.load(modelPath("mlp_tiny"), { maxRequestRows: 2 });
  await model.predict(new Float32Array(8));
  assert.equal(await codeOf(model.predict(new Float32Array(12))), "ERR_LIMIT_EXCEEDED");
  await model.close();
});
