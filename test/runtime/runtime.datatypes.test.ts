// SPDX-License-Identifier: Apache-2.0
// Every element type, bit by bit, against onnxruntime-node on the same input.
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Datatype, Model, Tensor, type TypedArray } from "../../src/index.js";
import { nativeBinding } from "../../src/native/load.js";
import { arrayTypes, datatypes } from "../../src/runtime/tensor.js";
import { modelPath } from "../models/make.mjs";
import { type ReferenceTensor, reference, tensor } from "../reference.js";

const bytesOf = (view: ArrayBufferView) => Buffer.from(view.buffer, view.byteOffset, view.byteLength);

/** Extremes, signed zeros, subnormals, NaNs with payloads: whatever a copy in the wrong type would not bring back. */
const samples: { [D in Exclude<Datatype, "BYTES">]: TypedArray } = {
  BOOL: Uint8Array.of(0, 1, 1, 0),
  UINT8: Uint8Array.of(0, 1, 128, 255),
  UINT16: Uint16Array.of(0, 1, 32768, 65535),
  UINT32: Uint32Array.of(0, 1, 2 ** 31, 2 ** 32 - 1),
  UINT64: BigUint64Array.of(0n, 1n, 2n ** 63n, 2n ** 64n - 1n),
  INT8: Int8Array.of(0, -1, -128, 127),
  INT16: Int16Array.of(0, -1, -32768, 32767),
  INT32: Int32Array.of(0, -1, -(2 ** 31), 2 ** 31 - 1),
  INT64: BigInt64Array.of(0n, -1n, -(2n ** 63n), 2n ** 63n - 1n),
  FP16: Uint16Array.of(0x0000, 0x8000, 0x0001, 0x7c00, 0xfc00, 0x7e01, 0x3c00),
  BF16: Uint16Array.of(0x0000, 0x8000, 0x0001, 0x7f80, 0xff80, 0x7fc1, 0x3f80),
  FP32: Float32Array.of(
    0,
    -0,
    1e-45,
    3.4028234e38,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    0.1,
  ),
  FP64: Float64Array.of(0, -0, 5e-324, 1.7976931348623157e308, Number.NaN, Number.POSITIVE_INFINITY, 0.1),
};

/** Names of onnxruntime-node; BF16 it cannot load. */
const referenceNames: Partial<Record<Datatype, ReferenceTensor["type"]>> = {
  BOOL: "bool",
  UINT8: "uint8",
  UINT16: "uint16",
  UINT32: "uint32",
  UINT64: "uint64",
  INT8: "int8",
  INT16: "int16",
  INT32: "int32",
  INT64: "int64",
  FP16: "float16",
  FP32: "float32",
  FP64: "float64",
};

test("the datatype table is that of the native core", () => {
  assert.deepEqual(nativeBinding().dtypes, datatypes);
});

for (const [datatype, sample] of Object.entries(samples) as [Exclude<Datatype, "BYTES">, TypedArray][]) {
  test(`${datatype} comes back bit-equal, as onnxruntime-node gives it`, async () => {
    const path = modelPath(`ident_${datatype.toLowerCase()}`);
    const model = await Model.load(path);
    const { OUTPUT0 } = await model.predict({ INPUT0: sample });
    assert.ok(OUTPUT0 instanceof Tensor);
    assert.equal(OUTPUT0.datatype, datatype);
    assert.ok(OUTPUT0.data instanceof (arrayTypes[datatype] as unknown as typeof Uint8Array));
    assert.deepEqual(OUTPUT0.shape, [sample.length]);
    assert.deepEqual(bytesOf(OUTPUT0.data), bytesOf(sample));
    const name = referenceNames[datatype];
    if (name) {
      const expected = await reference(path, { INPUT0: tensor(name, [sample.length], sample) });
      assert.deepEqual(bytesOf(OUTPUT0.data), bytesOf(expected.OUTPUT0?.data as ArrayBufferView));
    }
    await model.close();
  });
}

test("BYTES: strings of any length and script, empty ones, and none of them shared", async () => {
  const path = modelPath("ident_string");
  const model = await Model.load(path);
  const strings = ["", "a", "naïve", "模型", "🦀", "x".repeat(100_000), "tab\tnull\0end"];
  const { OUTPUT0 } = await model.predict({ INPUT0: strings });
  assert.deepEqual(OUTPUT0?.data, strings);
  // onnxruntime-node cuts a string at its NUL, so it is compared on the others.
  const plain = strings.slice(0, -1);
  const expected = await reference(path, { INPUT0: tensor("string", [plain.length], plain) });
  assert.deepEqual((await model.predict({ INPUT0: plain })).OUTPUT0?.data, expected.OUTPUT0?.data);
  await model.close();
});

test("numbers and strings travel in one request", async () => {
  const model = await Model.load(modelPath("two_inputs_mixed"));
  const { numbers_out, text_out } = await model.predict({
    numbers: [
      [1, 2, 3],
      [4, 5, 6],
    ],
    text: [["a"], ["b"]],
  });
  assert.deepEqual(numbers_out?.data, Float32Array.of(1, 2, 3, 4, 5, 6));
  assert.deepEqual(text_out?.data, ["a", "b"]);
  assert.deepEqual(text_out?.shape, [2, 1]);
  await model.close();
});

test("scalars and zero-sized dims keep their shape", async () => {
  const scalar = await Model.load(modelPath("scalar_fp32"));
  const { OUTPUT0: one } = await scalar.predict(Float32Array.of(42));
  assert.deepEqual([one?.shape, one?.data], [[], Float32Array.of(42)]);
  const path = modelPath("ident2d_fp32");
  const model = await Model.load(path);
  const { OUTPUT0 } = await model.predict({ INPUT0: { data: new Float32Array(0), shape: [3, 0] } });
  const expected = await reference(path, { INPUT0: tensor("float32", [3, 0], new Float32Array(0)) });
  assert.deepEqual(OUTPUT0?.shape, expected.OUTPUT0?.dims);
  assert.equal(OUTPUT0?.size, 0);
  await Promise.all([scalar.close(), model.close()]);
});

test("a network's floats equal onnxruntime-node's, bit by bit", async () => {
  const path = modelPath("mlp_mid");
  const model = await Model.load(path);
  const row = Float32Array.from({ length: 784 }, (_, i) => Math.sin(i));
  const { y } = await model.predict({ x: row });
  const expected = await reference(path, { x: tensor("float32", [1, 784], row) });
  assert.deepEqual(bytesOf(y?.data as Float32Array), bytesOf(expected.y?.data as Float32Array));
  await model.close();
});
