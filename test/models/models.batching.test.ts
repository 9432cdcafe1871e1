// SPDX-License-Identifier: Apache-2.0
// Which of the test models may share a batch, as found out at load, and that nobody gets someone else's rows either way.
import assert from "node:assert/strict";
import { test } from "node:test";
import { type ErrorCode, Model, OrtserveError, Tensor } from "../../src/index.js";
import { floats, reference } from "../reference.js";
import { modelPath } from "./make.mjs";

async function using<T>(name: string, task: (model: Model) => Promise<T>): Promise<T> {
  const model = await Model.load(modelPath(name));
  return task(model).finally(() => model.close());
}

const row = (seed: number) => Float32Array.from({ length: 4 }, (_, at) => Math.fround(Math.sin(seed * 4 + at)));
const tensorOf = (data: Float32Array) => new Tensor("FP32", data, [1, 4]);

for (const name of ["corrupt", "truncated", "empty"])
  test(`${name} is refused with its path`, async () => {
    await assert.rejects(Model.load(modelPath(name)), (error: OrtserveError) => {
      assert.ok(error instanceof OrtserveError);
      assert.equal(error.code, "ERR_LOAD_FAILED" satisfies ErrorCode);
      assert.ok(error.message.includes(`${name}.onnx`), error.message);
      return true;
    });
  });

const alone: Record<string, RegExp> = {
  not_batched: /output 'mean' has the fixed shape \[4\]/,
  cross_row: /output 'y' of a row depends on the rows beside it/,
  fixed_batch: /input 'x' has the fixed shape \[2,3\]/,
  scalar_fp32: /input 'INPUT0' is a scalar/,
  seq_tensor: /output 'items' does not have one row per input row/,
  optional_input: /input 'scale' has the fixed shape \[1\]/,
  big_output: /input 'repeat' has the fixed shape \[1\]/,
};
for (const [name, reason] of Object.entries(alone))
  test(`${name} is not batched, and says why`, () =>
    using(name, async ({ metadata }) => {
      assert.equal(metadata.batched, false);
      assert.match(metadata.batchingReason, reason);
      assert.equal(metadata.maxBatchRows, 1);
    }));

const shared = [
  "simple",
  "mlp_tiny",
  "rowsum",
  "ident_string",
  "ident2d_fp32",
  "failing",
  "slow",
  "zipmap",
  "zipmap_int",
];
for (const name of [...shared, "external", "two_inputs_mixed", "wide_output", "ident_bf16"])
  test(`${name} is batched`, () =>
    using(name, async ({ metadata }) => {
      assert.equal(metadata.batched, true, metadata.batchingReason);
    }));

for (const name of ["cross_row", "mlp_tiny"])
  test(`${name}: 200 calls at once each get what their own row gives alone`, () =>
    using(name, async (model) => {
      const rows = Array.from({ length: 200 }, (_, seed) => row(seed));
      const replies = await Promise.all(rows.map((x) => model.predict({ x: tensorOf(x) })));
      for (const [at, x] of rows.entries()) {
        const expected = (await reference(modelPath(name), { x: floats([1, 4], x) })).y?.data as Float32Array;
        const got = replies[at]?.y?.data as Float32Array;
        assert.equal(got.length, expected.length);
        for (const [column, value] of expected.entries())
          assert.ok(Math.abs((got[column] as number) - value) < 1e-6, `call ${at}, column ${column}`);
      }
    }));

test("zipmap gives mlp_tiny's scores under its keys, one map per row", () =>
  using("zipmap", async (model) => {
    const x = Float32Array.of(...row(1), ...row(2), ...row(3));
    const scores = (await reference(modelPath("mlp_tiny"), { x: floats([3, 4], x) })).y?.data as Float32Array;
    const { label, probabilities } = await model.predict<{ label: Tensor; probabilities: Map<string, number>[] }>({
      x: new Tensor("FP32", x, [3, 4]),
    });
    assert.equal(label.datatype, "INT64");
    const expected = [0, 3, 6].map((at) => ["ant", "bee", "cat"].map((key, column) => [key, scores[at + column]]));
    assert.deepEqual(
      probabilities.map((map) => [...map]),
      expected,
    );
  }));
