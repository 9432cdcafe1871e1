// SPDX-License-Identifier: Apache-2.0
// How often payload bytes are copied on the embedded path: counted by the core, and read from stats().copiedBytes.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Model, type OrtserveError } from "../../src/index.js";
import { modelPath } from "../models/make.mjs";

async function copiesOf(model: Model, call: () => Promise<unknown>): Promise<{ in: number; out: number }> {
  const before = model.stats().copiedBytes;
  await call();
  const after = model.stats().copiedBytes;
  return { in: after.in - before.in, out: after.out - before.out };
}

const path = modelPath("ident2d_fp32");
const shape = [4, 25_000];
const bytes = 4 * 100_000;
const values = () => Float32Array.from({ length: 100_000 }, (_, i) => i);

test("memory that cannot be transferred is refused, and nothing is detached", async () => {
  const model = await Model.load(modelPath("ident_uint8"));
  const pooled = Buffer.from("in the pool that all small Buffers share");
  await assert.rejects(model.predict(pooled, { transfer: true }), (error: OrtserveError) => {
    assert.equal(error.code, "ERR_INVALID_ARGUMENT");
    assert.match(error.message, /cannot be transferred; leave out 'transfer'/);
    return true;
  });
  assert.equal(pooled.toString(), "in the pool that all small Buffers share");
  await model.close();
});

test("memory that was transferred already is refused by name", async () => {
  const model = await Model.load(modelPath("mlp_tiny"));
  const x = new Float32Array(4);
  await model.predict({ x }, { transfer: true });
  await assert.rejects(model.predict({ x }, { transfer: true }), (error: OrtserveError) => {
    assert.equal(error.code, "ERR_INVALID_ARGUMENT");
    assert.match(error.message, /is detached: it was transferred before/);
    return true;
  });
  await model.close();
});

test("a wrong input is not detached", async () => {
  const model = await Model.load(path);
  const data = values();
  await assert.rejects(model.predict({ INPUT0: { data, shape: [7, 7] } }, { transfer: true }));
  assert.equal(data.length, 100_000);
  await model.close();
});

test("by default: one copy in, one copy out", async () => {
  const model = await Model.load(path);
  const data = values();
  assert.deepEqual(await copiesOf(model, () => model.predict({ INPUT0: { data, shape } })), { in: bytes, out: bytes });
  assert.equal(data.length, 100_000);
  await model.close();
});

test("transferred memory is not copied in, and detached as postMessage does", async () => {
  const model = await Model.load(path);
  const data = values();
  let output: unknown;
  const copied = await copiesOf(model, async () => {
    output = (await model.predict({ INPUT0: { data, shape } }, { transfer: true })).OUTPUT0?.data;
  });
  assert.deepEqual(copied, { in: 0, out: bytes });
  assert.equal(data.length, 0);
  assert.deepEqual(output, values());
  await model.close();
});

test("shared memory is read in place on request, else copied", async () => {
  const model = await Model.load(path);
  const data = new Float32Array(new SharedArrayBuffer(bytes));
  data.set(values());
  const call = (transfer: boolean) => async () => {
    const { OUTPUT0 } = await model.predict({ INPUT0: { data, shape } }, { transfer });
    assert.deepEqual(OUTPUT0?.data, values());
  };
  assert.equal((await copiesOf(model, call(true))).in, 0);
  assert.equal((await copiesOf(model, call(false))).in, bytes);
  assert.equal(data.length, 100_000);
  await model.close();
});

test("views that share one buffer are transferred together", async () => {
  const model = await Model.load(modelPath("simple"));
  const memory = new ArrayBuffer(256);
  const inputs = {
    INPUT0: new Int32Array(memory, 0, 16).fill(1),
    INPUT1: new Int32Array(memory, 128, 16).fill(2),
  };
  const copied = await copiesOf(model, async () => {
    const { OUTPUT0 } = await model.predict(inputs, { transfer: true });
    assert.deepEqual(OUTPUT0?.data, new Int32Array(16).fill(3));
  });
  assert.equal(copied.in, 0);
  assert.equal(memory.byteLength, 0);
  await model.close();
});

test("the caller's array may be written as soon as predict() has returned", async () => {
  const model = await Model.load(path, { inlineMicros: 0 });
  const data = new Float32Array(1000);
  const calls = Array.from({ length: 200 }, (_, i) => {
    const call = model.predict({ INPUT0: { data: data.fill(i), shape: [1, 1000] } });
    return call.then(({ OUTPUT0 }) => assert.deepEqual(OUTPUT0?.data, new Float32Array(1000).fill(i)));
  });
  await Promise.all(calls);
  await model.close();
});

test("a result is the caller's own: writing to it touches no other", async () => {
  const model = await Model.load(path);
  const call = () => model.predict({ INPUT0: { data: Float32Array.of(1, 2), shape: [1, 2] } });
  const [first, second] = await Promise.all([call(), call()]);
  assert.ok(first.OUTPUT0);
  (first.OUTPUT0.data as Float32Array).fill(99);
  assert.deepEqual(second.OUTPUT0?.data, Float32Array.of(1, 2));
  await model.close();
});
