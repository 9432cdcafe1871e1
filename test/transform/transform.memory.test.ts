// SPDX-License-Identifier: Apache-2.0
// Whose memory files are once predict() has returned, and what becomes of calls that are decoding when the model is closed.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Model, type Tensor } from "../../src/index.js";
import { identity } from "./models.js";
import { noise, png } from "./pictures.js";

const graph = identity("fp32", ["batch", "h", "w", 3]);
const load = () => Model.load(graph, { name: "m", preprocess: { x: { image: {} } } });
const first = noise(1, 4, 4);
const second = noise(2, 4, 4);
const data = async (call: Promise<{ y: Tensor }>) => Uint8Array.from((await call).y.data as Float32Array);
/** With an ArrayBuffer of its own. */
const alone = (file: Uint8Array) => new Uint8Array(file);

test("a frame may be overwritten as soon as predict has returned", async () => {
  const model = await load();
  const frames = [await png(first), await png(second)] as const;
  const longest = Math.max(...frames.map(({ length }) => length));
  const buffer = new Uint8Array(longest);
  buffer.set(frames[0]);
  const one = data(model.predict({ x: buffer.subarray(0, frames[0].length) }));
  buffer.set(frames[1]);
  const two = data(model.predict([buffer.subarray(0, frames[1].length)]));
  buffer.fill(0);
  assert.deepEqual(await one, first.data);
  assert.deepEqual(await two, second.data);
  await model.close();
});

test("sound is copied, too", async () => {
  const model = await Model.load(identity("fp32", ["batch", "samples"]), { preprocess: { x: { audio: {} } } });
  const samples = Int16Array.of(1, 2, 3, 4);
  const bytes = new Uint8Array(samples.buffer);
  const twice = [model.predict<{ y: Tensor }>(bytes)];
  samples.fill(9);
  twice.push(model.predict<{ y: Tensor }>(bytes));
  const [before, later] = await Promise.all(twice);
  assert.notDeepEqual(before?.y.data, later?.y.data);
  await model.close();
});

test("transfer takes the file's memory over, unless an option is wrong", async () => {
  const model = await load();
  const file = alone(await png(first));
  await assert.rejects(model.predict(file, { transfer: true, outputs: ["z"] }), { code: "ERR_INVALID_INPUT" });
  await assert.rejects(model.predict(file, { transfer: true, signal: AbortSignal.abort() }), { code: "ERR_CANCELLED" });
  assert.notEqual(file.byteLength, 0);
  const call = data(model.predict(file, { transfer: true }));
  assert.equal(file.byteLength, 0);
  assert.deepEqual(await call, first.data);
  for (const options of [{}, { transfer: true }]) {
    await assert.rejects(model.predict({ x: file }, options), {
      code: "ERR_INVALID_INPUT",
      message: /expected the bytes of a file for input 'x', got a detached array/,
    });
  }
  await model.close();
});

test("close lets calls finish whose images are still being decoded, and refuses new ones meanwhile", async () => {
  const model = await load();
  const file = await png(first);
  const calls = Array.from({ length: 6 }, () => data(model.predict({ x: file })));
  const broken = assert.rejects(model.predict({ x: file.subarray(0, 40) }), { code: "ERR_INVALID_INPUT" });
  const abort = new AbortController();
  const aborted = assert.rejects(model.predict({ x: file }, { signal: abort.signal }), { code: "ERR_CANCELLED" });
  abort.abort();
  const closed = model.close();
  await assert.rejects(model.predict({ x: file }), { code: "ERR_MODEL_CLOSED", message: /model 'm' is closed/ });
  await assert.rejects(model.predict({ x: new Float32Array(3) }), { code: "ERR_MODEL_CLOSED" });
  await Promise.all([closed, model.close(), broken, aborted]);
  for (const pixels of await Promise.all(calls)) assert.deepEqual(pixels, first.data);
});
