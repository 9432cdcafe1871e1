// SPDX-License-Identifier: Apache-2.0
// What a caller may pass as an input, and what it becomes.
import assert from "node:assert/strict";
import { test } from "node:test";
import { InferenceError, type Inputs } from "../../src/client/index.js";
import { resolveInputs, type WireTensor } from "../../src/client/input-values.js";

const model = (datatype: string, ...shape: number[]) => ({
  name: "m",
  versions: ["1"],
  platform: "",
  inputs: [{ name: "x", datatype, shape }],
  outputs: [],
});

async function resolved(value: unknown, metadata?: ReturnType<typeof model>): Promise<WireTensor> {
  const describe = async () => metadata ?? assert.fail("the metadata was asked for");
  const [tensor] = await resolveInputs({ x: value } as Inputs, describe);
  return tensor ?? assert.fail();
}

const isRefusal = (pattern: RegExp) => (error: unknown) =>
  error instanceof InferenceError && error.code === "invalid-argument" && pattern.test(error.message);

for (const [name, value, metadata, message] of [
  ["null", null, undefined, /expected a typed array, an array or a single value for input 'x', got null/],
  ["a DataView", new DataView(new ArrayBuffer(4)), undefined, /got DataView/],
  ["an object without data", { shape: [1] }, undefined, /expected 'data'/],
  ["a datatype that is none", { data: [1], datatype: "FLOAT" }, undefined, /such as FP32 .* got FLOAT/],
  ["a negative length", { data: [1], shape: [-1], datatype: "FP32" }, undefined, /as an array of lengths, got -1/],
  [
    "a shape of another size",
    { data: Float32Array.of(1, 2), shape: [1, 3] },
    undefined,
    /expected 3 elements .* got 2/,
  ],
  ["an array of another type", Float64Array.of(1), model("FP32", -1), /expected FP32 for input 'x', got FP64/],
  ["a typed array for strings", Uint8Array.of(1), model("BYTES", -1), /expected an array of strings or Uint8Arrays/],
  ["half of a surrogate pair", ["a", "\ud83d"], model("BYTES", -1), /expected strings of whole .* got "\\ud83d" at 1/],
  [
    "uneven rows",
    [[1, 2], [3]],
    model("FP32", -1, 2),
    /expected an array of 2 at depth 1 of input 'x', got an array of 1/,
  ],
  ["uneven depth", [[1], 2], model("FP32", -1, 1), /got a single value/],
  ["a fraction for an integer", [1.5], model("INT32", -1), /integers from -2147483648 to 2147483647 .* got 1.5 at 0/],
  ["an integer out of range", [0, 256], model("UINT8", -1), /from 0 to 255 .* got 256 at 1/],
  ["a number that has lost digits", [2 ** 53], model("INT64", -1), /got 9007199254740992 at 0/],
  ["a number for a truth", [1], model("BOOL", -1), /expected booleans for BOOL input 'x', got 1/],
  ["a string for a number", ["1"], model("FP32", -1), /expected FP32 for input 'x', got BYTES/],
  ["null for a number", [null], model("FP32", -1), /expected numbers for FP32 input 'x', got null/],
  ["a number for a string", ["a", 1], model("BYTES", -1), /expected strings or Uint8Arrays for BYTES input 'x', got 1/],
  ["values for raw bits", [1], model("FP16", -1), /Uint16Array of raw bits/],
  [
    "a count that fits no shape",
    new Float32Array(5),
    model("FP32", -1, 4),
    /no shape fits 5 elements .*\[-1,4\]: pass/,
  ],
  ["a count that fits several shapes", new Float32Array(4), model("FP32", -1, -1), /more than one shape fits 4/],
] as const)
  test(`${name} is refused`, () => assert.rejects(resolved(value, metadata), isRefusal(message)));

test("an input that the model lacks is refused with the names it has", async () => {
  const inputs = { y: Float32Array.of(1) };
  const names = /model 'm' has no input 'y': its inputs are x/;
  await assert.rejects(
    resolveInputs(inputs, async () => model("FP32", -1)),
    isRefusal(names),
  );
});

for (const inputs of [null, [1], Float32Array.of(1), "x"])
  test(`${String(inputs)} is not taken for inputs by name`, () =>
    assert.rejects(resolveInputs(inputs as unknown as Inputs, assert.fail), isRefusal(/an object of inputs by name/)));

test("an array with its shape needs no metadata where its type tells the datatype", async () => {
  const data = Float32Array.of(1, 2);
  assert.deepEqual(await resolved({ data, shape: [1, 2] }), { name: "x", datatype: "FP32", shape: [1, 2], data });
  assert.equal((await resolved({ data: Uint16Array.of(1), shape: [1], datatype: "BF16" })).datatype, "BF16");
});

for (const [shape, count, expected] of [
  [[-1, 4], 8, [2, 4]],
  [[-1, 4], 0, [0, 4]],
  [[2, 3], 6, [2, 3]],
  [[3, -1, 2], 12, [3, 2, 2]],
  [[], 1, []],
] as const)
  test(`${count} elements take the shape [${expected}] of a model that wants [${shape}]`, async () => {
    assert.deepEqual((await resolved(new Float32Array(count), model("FP32", ...shape))).shape, expected);
  });

test("flat arrays and single values take the model's shape, nested ones have their own", async () => {
  assert.deepEqual((await resolved([1, 2, 3, 4], model("FP32", -1, 2))).shape, [2, 2]);
  assert.deepEqual((await resolved(7, model("FP32", -1, 1))).shape, [1, 1]);
  assert.deepEqual((await resolved([[[1], [2]]], model("FP32", -1, -1, -1))).shape, [1, 2, 1]);
  assert.deepEqual((await resolved([[], []], model("FP32", -1, -1))).shape, [2, 0]);
});

test("rows may be typed arrays", async () => {
  const { shape, data } = await resolved([Uint8Array.of(1, 2), Uint8Array.of(3, 4)], model("UINT8", -1, 2));
  assert.deepEqual([shape, data], [[2, 2], Uint8Array.of(1, 2, 3, 4)]);
});

test("integers come as numbers or BigInts, truths as booleans, bytes as strings or bytes", async () => {
  assert.deepEqual((await resolved([1, -2n], model("INT64", -1))).data, BigInt64Array.of(1n, -2n));
  assert.deepEqual((await resolved([1n, 2], model("UINT8", -1))).data, Uint8Array.of(1, 2));
  assert.deepEqual((await resolved([true, false], model("BOOL", -1))).data, Uint8Array.of(1, 0));
  const bytes = ["a", Uint8Array.of(255)];
  assert.deepEqual((await resolved(bytes, model("BYTES", -1))).data, bytes);
});

test("pixels of a canvas pass as UINT8, without a copy", async () => {
  const pixels = Uint8ClampedArray.of(1, 2);
  const { datatype, data } = await resolved({ data: pixels, shape: [2] });
  assert.deepEqual([datatype, data], ["UINT8", Uint8Array.of(1, 2)]);
  assert.equal((data as Uint8Array).buffer, pixels.buffer);
});
