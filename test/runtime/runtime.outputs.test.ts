// SPDX-License-Identifier: Apache-2.0
// What predict() gives back: chosen outputs, sequences, maps, large results.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Model, type Tensor } from "../../src/index.js";
import { modelPath } from "../models/make.mjs";
import { floats, reference } from "../reference.js";

const row = [1, -2, 3, 0.5];

test("all outputs come by name; chosen ones come alone, in any order", async () => {
  const model = await Model.load(modelPath("simple"));
  const inputs = { INPUT0: new Int32Array(16).fill(7), INPUT1: new Int32Array(16).fill(2) };
  const all = await model.predict(inputs);
  assert.deepEqual(Object.keys(all), ["OUTPUT0", "OUTPUT1"]);
  assert.deepEqual(all.OUTPUT0?.data, new Int32Array(16).fill(9));
  assert.deepEqual(all.OUTPUT1?.data, new Int32Array(16).fill(5));
  assert.deepEqual(await model.predict(inputs, { outputs: ["OUTPUT1"] }), { OUTPUT1: all.OUTPUT1 });
  const swapped = await model.predict(inputs, { outputs: ["OUTPUT1", "OUTPUT0"] });
  assert.deepEqual(Object.keys(swapped), ["OUTPUT1", "OUTPUT0"]);
  assert.deepEqual(swapped.OUTPUT0?.data, all.OUTPUT0?.data);
  await model.close();
});

test("outputs that are inputs or weights are those of the call", async () => {
  for (const options of [{}, { inlineMicros: 0 }, { batching: "off" as const }]) {
    const model = await Model.load(modelPath("passed_on"), options);
    for (let i = 1; i <= 20; i++) {
      const { x, y, w } = await model.predict(Float32Array.of(i, i, i, i));
      assert.deepEqual(x?.data, Float32Array.of(i, i, i, i));
      assert.deepEqual(y?.data, Float32Array.of(i, 2 * i, 3 * i, 4 * i));
      assert.deepEqual(w?.data, Float32Array.of(1, 2, 3, 4));
    }
    const together = await Promise.all(
      Array.from({ length: 50 }, (_, i) => model.predict(new Float32Array(4).fill(i))),
    );
    for (const [i, { x }] of together.entries()) assert.deepEqual(x?.data, new Float32Array(4).fill(i));
    await model.close();
  }
});

test("calls that want different outputs at once each get their own", async () => {
  const model = await Model.load(modelPath("simple"), { inlineMicros: 0 });
  const calls = Array.from({ length: 200 }, async (_, i) => {
    const name = `OUTPUT${i % 2}`;
    const inputs = { INPUT0: new Int32Array(16).fill(i), INPUT1: new Int32Array(16).fill(1) };
    const outputs = await model.predict(inputs, { outputs: [name] });
    assert.deepEqual(outputs[name]?.data, new Int32Array(16).fill(i % 2 === 0 ? i + 1 : i - 1));
    assert.equal(Object.keys(outputs).length, 1);
  });
  await Promise.all(calls);
  await model.close();
});

test("a sequence of maps becomes an array of Maps with the network's own numbers", async () => {
  const { y } = await reference(modelPath("mlp_tiny"), { x: floats([2, 4], [...row, ...row]) });
  const expected = Array.from(y?.data as Float32Array);
  const model = await Model.load(modelPath("zipmap"));
  const { probabilities, label } = await model.predict<{
    label: Tensor<"INT64">;
    probabilities: Map<string, number>[];
  }>({ x: [row, row] });
  assert.deepEqual([...(probabilities[0]?.keys() ?? [])], ["ant", "bee", "cat"]);
  assert.deepEqual(
    probabilities.flatMap((map) => [...map.values()]),
    expected,
  );
  assert.ok(label.data instanceof BigInt64Array);
  await model.close();
});

test("integer keys of a map are bigints", async () => {
  const model = await Model.load(modelPath("zipmap_int"));
  const { probabilities } = await model.predict<{ label: Tensor; probabilities: Map<bigint, number>[] }>({ x: [row] });
  assert.deepEqual([...(probabilities[0]?.keys() ?? [])], [7n, 8n, 9n]);
  await model.close();
});

test("a sequence of tensors becomes an array of tensors", async () => {
  const model = await Model.load(modelPath("seq_tensor"));
  const { items } = await model.predict<{ items: Tensor<"FP32">[] }>({ x: [row] });
  assert.deepEqual(
    items.map((item) => [item.shape, Array.from(item.data)]),
    [
      [[1, 4], row],
      [[1, 4], row.map((value) => 2 * value)],
    ],
  );
  await model.close();
});

test("a result of 50 MB arrives whole", async () => {
  const model = await Model.load(modelPath("big_output"));
  const { y } = await model.predict({ x: [[3]], repeat: [12_500_000] });
  assert.ok(y);
  assert.deepEqual(y.shape, [1, 12_500_000]);
  assert.ok((y.data as Float32Array).every((value) => value === 3));
  await model.close();
});
