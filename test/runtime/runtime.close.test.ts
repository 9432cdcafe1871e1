// SPDX-License-Identifier: Apache-2.0
// The end of a model: with work in flight, twice, from another handle, by `await using`.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Model, type OrtserveError } from "../../src/index.js";
import { modelPath } from "../models/make.mjs";

const slow = modelPath("slow");
const row = (iterations: number) => ({ x: [[1, 2, 3, 4]], iterations: [[iterations]] });

test("a closed model refuses calls, and keeps its metadata and statistics", async () => {
  const model = await Model.load(slow);
  await model.predict(row(1));
  await model.close();
  await assert.rejects(model.predict(row(1)), { code: "ERR_MODEL_CLOSED", message: "the model 'slow' is closed" });
  assert.equal(model.metadata.name, "slow");
  assert.equal(model.stats().requests, 1);
});

test("close lets accepted calls finish and refuses new ones meanwhile", async () => {
  const model = await Model.load(slow, { batching: "off" });
  let finished = 0;
  const accepted = Array.from({ length: 30 }, () => model.predict(row(20)).then(() => finished++));
  const closed = model.close().then(() => finished);
  await assert.rejects(model.predict(row(1)), { code: "ERR_MODEL_CLOSED" });
  assert.equal(await closed, 30);
  await Promise.all(accepted);
});

test("close is idempotent, at once and afterwards", async () => {
  const model = await Model.load(slow);
  await Promise.all([model.close(), model.close(), model.close()]);
  await model.close();
});

test("closing one handle closes the model for the others; another load of the file goes on", async () => {
  const model = await Model.load(slow);
  const handle = Model.attach(model.id);
  const other = await Model.load(slow);
  await handle.close();
  await assert.rejects(model.predict(row(1)), { code: "ERR_MODEL_CLOSED" });
  await model.close();
  assert.deepEqual((await other.predict(row(1))).y?.data, Float32Array.of(1, 2, 3, 4));
  assert.equal(other.stats().requests, 1);
  await other.close();
});

test("a model is an async disposable", async () => {
  const model = await Model.load(slow);
  await model[Symbol.asyncDispose]();
  await assert.rejects(model.predict(row(1)), { code: "ERR_MODEL_CLOSED" });
});

test("closing and loading beside running calls loses none", async () => {
  const outcomes = { ok: 0, closed: 0 };
  for (let round = 0; round < 15; round++) {
    const model = await Model.load(slow);
    const calls = Array.from({ length: 40 }, async (_, i) => {
      if (i === 20) void model.close();
      if (i > 20) await Promise.resolve();
      await model.predict(row(2)).then(
        () => outcomes.ok++,
        (error: OrtserveError) => {
          assert.equal(error.code, "ERR_MODEL_CLOSED");
          outcomes.closed++;
        },
      );
    });
    await Promise.all(calls);
    await model.close();
  }
  assert.equal(outcomes.ok + outcomes.closed, 15 * 40);
  assert.ok(outcomes.ok >= 15 * 20 && outcomes.closed > 0, JSON.stringify(outcomes));
});

test("methods called on something else are refused", async () => {
  const model = await Model.load(slow);
  const { native } = model;
  assert.throws(() => native.stats.call({} as never), { code: "ERR_INVALID_ARGUMENT" });
  assert.throws(() => native.close.call(Object.create(native) as never), { code: "ERR_INVALID_ARGUMENT" });
  assert.throws(() => native.stats.call(null as never), { code: "ERR_INVALID_ARGUMENT" });
  await model.close();
});

test("a closed model cannot be recorded", async () => {
  const model = await Model.load(slow);
  await model.close();
  await assert.rejects(model.record("unused"), { code: "ERR_MODEL_CLOSED" });
});

test("a closed model cannot be attached to, whoever still holds a handle", async () => {
  const model = await Model.load(slow);
  const handle = Model.attach(model.id);
  await model.close();
  assert.throws(() => Model.attach(handle.id), { code: "ERR_MODEL_NOT_FOUND" });
});
