// SPDX-License-Identifier: Apache-2.0
// What predict() accepts as inputs, what it refuses, and the words it refuses with.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { Model, type OrtserveError, type PredictInputs, Tensor } from "../../src/index.js";
import { modelPath } from "../models/make.mjs";

const tiny = await Model.load(modelPath("mlp_tiny"));
const simple = await Model.load(modelPath("simple"));
const ident2d = await Model.load(modelPath("ident2d_fp32"));
const mixed = await Model.load(modelPath("two_inputs_mixed"));
const int64 = await Model.load(modelPath("ident_int64"));
const fp16 = await Model.load(modelPath("ident_fp16"));
const bool = await Model.load(modelPath("ident_bool"));
const uint8 = await Model.load(modelPath("ident_uint8"));
const scalar = await Model.load(modelPath("scalar_fp32"));
const fixed = await Model.load(modelPath("fixed_batch"));
after(() => Promise.all([tiny, simple, ident2d, mixed, int64, fp16, bool, uint8, scalar, fixed].map((m) => m.close())));

const detached = new Float32Array(4);
structuredClone(detached.buffer, { transfer: [detached.buffer] });

const endless: unknown[] = [];
endless.push(endless);

const refusals: [title: string, model: Model, inputs: unknown, message: RegExp][] = [
  ["nothing", tiny, undefined, /expected an object with the inputs x, got undefined/],
  ["null", tiny, null, /expected an object with the inputs x, got null/],
  ["a bare value for two inputs", simple, new Int32Array(16), /expected an object with the inputs INPUT0, INPUT1/],
  [
    "an unknown name",
    tiny,
    { xx: [[1, 2, 3, 4]] },
    /unknown input 'xx', did you mean 'x'\? *; the model takes 'x' FP32 \[-1,4\]/,
  ],
  ["a missing input", simple, { INPUT0: new Int32Array(16) }, /missing input 'INPUT1', expected INT32 \[-1,16\]/],
  [
    "another typed array",
    tiny,
    { x: new Float64Array(4) },
    /expected FP32 \[-1,4\] for input 'x', got FP64 \(Float64Array\) \[4\]/,
  ],
  ["a DataView", tiny, { x: new DataView(new ArrayBuffer(16)) }, /expected FP32 \[-1,4\] for input 'x', got DataView/],
  [
    "an ArrayBuffer",
    tiny,
    { x: new ArrayBuffer(16) },
    /expected FP32 \[-1,4\] for input 'x', got an object ArrayBuffer/,
  ],
  ["an array that holds itself", tiny, { x: endless }, /expected FP32 \[-1,4\] for input 'x', got FP32 \[1,1,1/],
  ["a detached array", tiny, { x: { data: detached, shape: [1, 4] } }, /expected 4 elements for shape \[1,4\]/],
  ["a length that is no row", tiny, { x: new Float32Array(6) }, /expected FP32 \[-1,4\] for input 'x', got 6 elements/],
  [
    "another shape",
    tiny,
    { x: { data: new Float32Array(6), shape: [2, 3] } },
    /expected FP32 \[-1,4\] for input 'x', got FP32 \[2,3\]/,
  ],
  [
    "another rank",
    tiny,
    { x: { data: new Float32Array(4), shape: [4] } },
    /expected FP32 \[-1,4\] for input 'x', got FP32 \[4\]/,
  ],
  [
    "a shape without its elements",
    tiny,
    { x: { data: new Float32Array(4), shape: [2, 4] } },
    /expected 8 elements for shape \[2,4\] of input 'x', got 4/,
  ],
  [
    "a negative dim",
    tiny,
    { x: { data: new Float32Array(4), shape: [-1, 4] } },
    /expected dims >= 0 in a shape, got \[-1,4\]/,
  ],
  ["nine dims", tiny, { x: { data: new Float32Array(1), shape: [1, 1, 1, 1, 1, 1, 1, 1, 1] } }, /at most 8 dims/],
  [
    "another datatype",
    tiny,
    { x: new Tensor("INT32", new Int32Array(4), [1, 4]) },
    /expected FP32 \[-1,4\] for input 'x', got INT32 \[1,4\]/,
  ],
  ["a wrong static dim", fixed, { x: [[1, 2, 3]] }, /expected FP32 \[2,3\] for input 'x', got FP32 \[1,3\]/],
  ["an open shape", ident2d, new Float32Array(6), /6 elements fit several shapes; pass \{ data, shape \} or a Tensor/],
  ["rows that differ", simple, { INPUT0: new Int32Array(16), INPUT1: new Int32Array(32) }, /batch size does not match/],
  [
    "ragged nesting",
    tiny,
    {
      x: [
        [1, 2, 3, 4],
        [5, 6, 7],
      ],
    },
    /ragged value for input 'x': expected an array of 4 at depth 1, got an array of 3/,
  ],
  ["nesting too deep", tiny, { x: [[[1], 2, 3, 4]] }, /got FP32 \[1,4,1\]/],
  [
    "a string for a number",
    tiny,
    { x: [[1, 2, 3, "4"]] },
    /expected a number for element 3 of input 'x' \(FP32\), got "4"/,
  ],
  [
    "a number for a string",
    mixed,
    { numbers: [[1, 2, 3]], text: [[7]] },
    /expected a string for element 0 of input 'text' \(BYTES\), got 7/,
  ],
  [
    "half of a surrogate pair",
    mixed,
    { numbers: [[1, 2, 3]], text: { data: ["a\ud83d"], shape: [1, 1] } },
    /expected a string of whole characters for element 0 of input 'text' \(BYTES\), got "a\\ud83d"/,
  ],
  ["a fraction for an integer", int64, [1, 2.5], /expected an integer from -9223372036854775808 to .* for element 1/],
  ["an unsafe integer", int64, [2 ** 53], /expected an integer .* got 9007199254740992/],
  [
    "an integer out of range",
    uint8,
    [256],
    /expected an integer from 0 to 255 for element 0 of input 'INPUT0' \(UINT8\), got 256/,
  ],
  ["a number for a boolean", bool, [2], /expected a boolean/],
  ["a byte that is no boolean", bool, Uint8Array.of(0, 1, 2), /the value 2 where 0 or 1 is due/],
  [
    "floats for FP16",
    fp16,
    Float32Array.of(1),
    /expected FP16 \[-1\] for input 'INPUT0', got FP32 \(Float32Array\) \[1\]/,
  ],
  ["plain numbers for FP16", fp16, [1], /as raw bits in a Uint16Array/],
  ["an object", tiny, { x: { rows: 1 } }, /expected FP32 \[-1,4\] for input 'x', got an object Object/],
];

for (const [title, model, inputs, message] of refusals) {
  test(`${title} is refused`, async () => {
    const before = model.stats().requests;
    await assert.rejects(model.predict(inputs as PredictInputs), (error: OrtserveError) => {
      assert.match(error.message, message);
      assert.match(error.code, /^ERR_INVALID_(INPUT|ARGUMENT)$/);
      return true;
    });
    assert.equal(model.stats().requests, before);
  });
}

test("unknown options of predict are refused", async () => {
  const x = Float32Array.of(1, 2, 3, 4);
  await assert.rejects(
    tiny.predict(x, { output: ["y"] } as never),
    /unknown predict option 'output', did you mean 'outputs'\?/,
  );
  await assert.rejects(tiny.predict(x, { timeoutMs: 0 }), /expected a number from 0.001/);
  await assert.rejects(tiny.predict(x, { signal: {} as AbortSignal }), /expected an AbortSignal/);
  await assert.rejects(tiny.predict(x, { outputs: [] }), /expected at least one output name/);
  await assert.rejects(tiny.predict(x, { outputs: ["yy"] }), /unknown output 'yy', did you mean 'y'\?/);
  await assert.rejects(tiny.predict(x, { outputs: ["y", "y"] }), /named twice/);
});

test("a Tensor refuses what does not fit together", () => {
  assert.throws(
    () => new Tensor("FP32", new Float64Array(1) as never),
    /expected Float32Array for FP32, got Float64Array/,
  );
  assert.throws(() => new Tensor("FP31" as never, new Float32Array(1) as never), /unknown datatype "FP31"/);
  assert.throws(() => new Tensor("FP32", new Float32Array(3), [2, 2]), /expected 4 elements for shape \[2,2\], got 3/);
  assert.throws(() => new Tensor("FP32", new Float32Array(3), [1.5, 2]), /expected dims >= 0/);
});

test("every way of passing one row gives the same answer", async () => {
  const row = Float32Array.of(1, -2, 3.5, 0.25);
  const { y: expected } = await tiny.predict({ x: { data: row, shape: [1, 4] } });
  const ways: PredictInputs[] = [
    row,
    { x: row },
    new Tensor("FP32", row, [1, 4]),
    { x: new Tensor("FP32", row, [1, 4]) },
    { x: { data: row, shape: [1, 4], datatype: "FP32" } },
    { x: { data: [1, -2, 3.5, 0.25], shape: [1, 4] } },
    [[1, -2, 3.5, 0.25]],
    { x: [[1, -2, 3.5, 0.25]] },
    new Float32Array(new SharedArrayBuffer(16)).map((_, i) => row[i] ?? 0),
  ];
  for (const way of ways) assert.deepEqual((await tiny.predict(way)).y, expected);
});

test("a view into a larger buffer is read where it lies", async () => {
  const memory = Float32Array.from({ length: 12 }, (_, i) => i);
  const { y } = await tiny.predict(memory.subarray(4, 8));
  assert.deepEqual(y, (await tiny.predict(Float32Array.of(4, 5, 6, 7))).y);
});

test("the shape of a typed array follows from its length", async () => {
  assert.deepEqual((await tiny.predict(new Float32Array(12))).y?.shape, [3, 3]);
  assert.deepEqual((await scalar.predict(Float32Array.of(7))).OUTPUT0?.shape, []);
  assert.deepEqual((await fixed.predict(new Float32Array(6))).y?.shape, [2, 3]);
});

test("plain values convert exactly", async () => {
  const big = 2n ** 63n - 1n;
  assert.deepEqual((await int64.predict([1, -2n, big])).OUTPUT0?.data, BigInt64Array.of(1n, -2n, big));
  assert.deepEqual((await bool.predict([true, false, 1, 0])).OUTPUT0?.data, Uint8Array.of(1, 0, 1, 0));
  assert.deepEqual((await uint8.predict(new Uint8ClampedArray([300, 7]))).OUTPUT0?.data, Uint8Array.of(255, 7));
  assert.deepEqual((await uint8.predict(Buffer.from("ab"))).OUTPUT0?.data, Uint8Array.of(97, 98));
  assert.deepEqual((await scalar.predict(2.5)).OUTPUT0?.data, Float32Array.of(2.5));
});

test("an optional input may be left out", async () => {
  const model = await Model.load(modelPath("optional_input"));
  assert.deepEqual((await model.predict({ x: [[1, 2, 3, 4]] })).y?.data, Float32Array.of(2, 4, 6, 8));
  assert.deepEqual((await model.predict({ x: [[1, 2, 3, 4]], scale: [10] })).y?.data, Float32Array.of(10, 20, 30, 40));
  await model.close();
});

test("data with a shape is the bare value of the only input", async () => {
  const data = Float32Array.of(1, 2, 3, 4);
  const bare = await ident2d.predict({ data, shape: [2, 2] });
  const named = await ident2d.predict({ [ident2d.metadata.inputs[0]?.name ?? ""]: { data, shape: [2, 2] } });
  assert.deepEqual(bare, named);
});

test("what is no data is refused with a code", async () => {
  const name = ident2d.metadata.inputs[0]?.name ?? "";
  for (const data of [undefined, null, 5, {}] as never[]) {
    await assert.rejects(ident2d.predict({ [name]: { data, shape: [1, 2] } }), {
      code: "ERR_INVALID_INPUT",
      message: /with a typed array or an array as its data, got (undefined|null|5|an object Object)/,
    });
  }
  const bad = () => new Tensor("FP32", undefined as never);
  assert.throws(bad, { code: "ERR_INVALID_ARGUMENT", message: "expected Float32Array for FP32, got undefined" });
});
