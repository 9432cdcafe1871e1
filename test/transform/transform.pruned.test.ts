// SPDX-License-Identifier: Apache-2.0
// Pruned inputs: callers send the whole row, the graph sees what is alive of it.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Model, type Tensor } from "../../src/index.js";
import { floats, reference } from "../reference.js";
import { pruned } from "./models.js";

const path = pruned("pruned", { "input.x.width": "6", "input.x.live": "0,3-4" });
let model: Model;
before(async () => {
  model = await Model.load(path);
});
after(() => model?.close());

describe("metadata that do not fit fail the load", () => {
  const cases: [string, Record<string, string>, RegExp][] = [
    [
      "other elements than the graph's",
      { "input.x.width": "6", "input.x.live": "0,3" },
      /takes 3 elements, and its metadata 'input.x.live' has 2/,
    ],
    [
      "an index outside",
      { "input.x.width": "4", "input.x.live": "0,3-4" },
      /expected indices and ranges below 4, such as 0-3,7, got '0,3-4'/,
    ],
    ["no width", { "input.x.live": "0-2" }, /expected indices and ranges below 0/],
    [
      "an absurd width",
      { "input.x.width": "99999999999", "input.x.live": "0-4000000000" },
      /expected indices and ranges below 0/,
    ],
    ["words", { "input.x.width": "6", "input.x.live": "all" }, /got 'all'/],
    [
      "an order that goes back",
      { "input.x.width": "6", "input.x.live": "3-4,0" },
      /expected ascending live indices below 6, got 0/,
    ],
  ];
  for (const [what, metadata, message] of cases) {
    it(what, () =>
      assert.rejects(Model.load(pruned(what.replaceAll(" ", "_"), metadata)), { code: "ERR_LOAD_FAILED", message }),
    );
  }
});

it("a row of another width is refused by the width that callers know", () =>
  assert.rejects(model.predict({ x: new Float32Array(5) }), { code: "ERR_INVALID_INPUT", message: /FP32 \[-1,6\]/ }));

it("the metadata show what callers send", () => assert.deepEqual(model.metadata.inputs[0]?.shape, [-1, 6]));

it("whole rows give what the graph gives for their live elements, copied alone", async () => {
  const rows = Float32Array.from({ length: 12 }, (_, i) => i - 5);
  const live = Float32Array.of(-5, -2, -1, 1, 4, 5);
  const { y: expected } = await reference(path, { x: floats([2, 3], live) });
  const { copiedBytes } = model.stats();
  const { y } = await model.predict<{ y: Tensor }>({ x: { data: rows, shape: [2, 6] } });
  assert.deepEqual(Array.from(y.data as Float32Array), Array.from(expected?.data as Float32Array));
  assert.equal(model.stats().copiedBytes.in - copiedBytes.in, live.byteLength);
});

it("memory that is lent is left as it was", async () => {
  const shared = new Float32Array(new SharedArrayBuffer(24));
  shared.set([1, 2, 3, 4, 5, 6]);
  const { y: expected } = await reference(path, { x: floats([1, 3], [1, 4, 5]) });
  const { y } = await model.predict<{ y: Tensor }>({ x: shared }, { transfer: true });
  assert.deepEqual(Array.from(y.data as Float32Array), Array.from(expected?.data as Float32Array));
  assert.deepEqual(Array.from(shared), [1, 2, 3, 4, 5, 6]);
});

it("columns may be named, of the whole row", async () => {
  const named = await Model.load(path, { preprocess: { x: { columns: ["a", "b", "c", "d", "e", "f"] } } });
  const { y: expected } = await reference(path, { x: floats([1, 3], [1, 4, 5]) });
  const { y } = await named.predict<{ y: Tensor }>({ a: 1, b: 2, c: 3, d: 4, e: 5, f: 6 });
  assert.deepEqual(Array.from(y.data as Float32Array), Array.from(expected?.data as Float32Array));
  await named.close();
});

it("calls that run together keep their rows", async () => {
  const answers = await Promise.all(
    Array.from({ length: 100 }, (_, i) => model.predict<{ y: Tensor }>({ x: Float32Array.of(i, 9, 9, -i, 1, 9) })),
  );
  const live = Array.from({ length: 100 }, (_, i) => [i, -i, 1]).flat();
  const { y: expected } = await reference(path, { x: floats([100, 3], live) });
  for (const [i, { y }] of answers.entries()) {
    for (const c of [0, 1]) assert.ok(Math.abs((y.data[c] as number) - (expected?.data[i * 2 + c] as number)) < 1e-4);
  }
});
