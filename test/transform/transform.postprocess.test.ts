// SPDX-License-Identifier: Apache-2.0
// Outputs after their steps, against the same steps in JavaScript.
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { Model, type ModelOptions, type Tensor } from "../../src/index.js";
import { modelPath } from "../models/make.mjs";
import { identity } from "./models.js";

const open: Model[] = [];
after(() => Promise.all(open.map((model) => model.close())));

type Steps = NonNullable<ModelOptions["postprocess"]>[string];

async function load(steps: Steps, type = "fp32", width: number | string = 4): Promise<Model> {
  const model = await Model.load(identity(type, ["batch", width]), { postprocess: { y: steps } });
  open.push(model);
  return model;
}

const scores = [0.5, 3, -1, 3, 2, 2, 9, -4];
const rows = { data: Float32Array.from(scores), shape: [2, 4] };
const list = (tensor: Tensor | undefined) => Array.from(tensor?.data as ArrayLike<unknown>);

describe("steps that do not fit are refused at load", () => {
  const cases: [string, () => Promise<Model>, RegExp][] = [
    [
      "an output the model has not",
      () => Model.load(identity("fp32", ["batch", 4]), { postprocess: { yy: {} } }),
      /names the output 'yy', which the model has not; did you mean 'y'/,
    ],
    [
      "dequantized floats",
      () => load({ dequantize: { scale: 1 } }),
      /expected UINT8 or INT8 for 'dequantize', got FP32 \[-1,4\]/,
    ],
    [
      "more classes than there are",
      () => load({ topK: 5 }),
      /expected at least 5 classes for 'top_k', got FP32 \[-1,4\]/,
    ],
    [
      "labels that are too few",
      () => load({ argmax: true, labels: ["a"] }),
      /expected 4 'labels', one per class, and not 1/,
    ],
    ["argmax and topK", () => load({ argmax: true, topK: 1 }), /one of argmax, topK and threshold, got several/],
    ["labels of nothing", () => load({ labels: ["a"] }), /argmax or topK with labels/],
    ["softmax of strings", () => load({ activation: "softmax" }, "string"), /expected a tensor of numbers, got BYTES/],
    [
      "argmax over rows",
      () => Model.load(identity("fp32", ["batch"]), { postprocess: { y: { argmax: true } } }),
      /a dim of classes/,
    ],
    [
      "two outputs of one name",
      () => Model.load(modelPath("simple"), { postprocess: { OUTPUT0: { name: "OUTPUT1" } } }),
      /gives two outputs the name 'OUTPUT1'/,
    ],
    [
      "a sequence",
      () => Model.load(modelPath("zipmap"), { postprocess: { probabilities: { activation: "softmax" } } }),
      /a tensor of numbers, got a sequence or map/,
    ],
  ];
  for (const [what, make, message] of cases)
    it(what, () => assert.rejects(make, { code: "ERR_INVALID_ARGUMENT", message }));

  it("classes that turn out to be fewer than topK", async () => {
    const model = await load({ topK: 3 }, "fp32", "classes");
    await assert.rejects(model.predict({ x: { data: Float32Array.of(1, 2), shape: [1, 2] } }), {
      code: "ERR_RUN_FAILED",
      message: /expected 3 or more classes in output 'y' for 'postprocess', got 2/,
    });
  });
});

describe("scores", () => {
  it("become probabilities by softmax", async () => {
    const { y } = await (await load({ activation: "softmax" })).predict({ x: rows });
    for (const row of [0, 1]) {
      const part = scores.slice(row * 4, row * 4 + 4);
      const top = Math.max(...part);
      const sum = part.reduce((total, x) => total + Math.exp(x - top), 0);
      part.forEach((x, i) => {
        assert.ok(Math.abs((y?.data[row * 4 + i] as number) - Math.exp(x - top) / sum) < 1e-6);
      });
    }
    const huge = await (await load({ activation: "softmax" })).predict({
      x: { data: Float32Array.of(1e30, 0, -1e30, 0), shape: [1, 4] },
    });
    assert.deepEqual(list(huge.y), [1, 0, 0, 0]);
  });

  it("become probabilities by sigmoid", async () => {
    const { y } = await (await load({ activation: "sigmoid" })).predict({ x: rows });
    scores.forEach((x, i) => {
      assert.ok(Math.abs((y?.data[i] as number) - 1 / (1 + Math.exp(-x))) < 1e-6);
    });
  });

  it("become the index of the largest, the first of equals", async () => {
    const model = await load({ argmax: true });
    const { y } = await model.predict({ x: rows });
    assert.equal(y?.datatype, "INT64");
    assert.deepEqual([y?.shape, list(y)], [[2], [1n, 2n]]);
    const odd = Float32Array.of(NaN, -Infinity, NaN, 1, NaN, NaN, NaN, NaN);
    assert.deepEqual(list((await model.predict({ x: { data: odd, shape: [2, 4] } })).y), [3n, 0n]);
  });

  it("become labels", async () => {
    const { y } = await (await load({ argmax: true, labels: ["ant", "bee", "", "düne"], name: "kind" }))
      .predict({ x: rows })
      .then(({ kind }) => ({ y: kind }));
    assert.deepEqual([y?.datatype, y?.shape, list(y)], ["BYTES", [2], ["bee", ""]]);
  });

  it("become the k largest and their classes", async () => {
    const model = await load({ topK: 3, labels: ["a", "b", "c", "d"], name: "classes" });
    assert.deepEqual(
      model.metadata.outputs.map(({ name, datatype, shape }) => [name, datatype, shape]),
      [
        ["classes", "BYTES", [-1, 3]],
        ["classes_scores", "FP32", [-1, 3]],
      ],
    );
    const { classes, classes_scores } = await model.predict({ x: rows });
    assert.deepEqual(list(classes), ["b", "d", "a", "c", "a", "b"]);
    assert.deepEqual(list(classes_scores), [3, 3, 0.5, 9, 2, 2]);
    const only = await model.predict({ x: rows }, { outputs: ["classes_scores"] });
    assert.deepEqual(Object.keys(only), ["classes_scores"]);
    assert.deepEqual(list(only.classes_scores), [3, 3, 0.5, 9, 2, 2]);
    const indices = await (await load({ topK: 1, scoresName: "best" })).predict({ x: rows });
    assert.deepEqual(
      [list(indices.y), list(indices.best)],
      [
        [1n, 2n],
        [3, 9],
      ],
    );
  });

  it("become flags by a threshold", async () => {
    const { y } = await (await load({ threshold: 2 })).predict({ x: rows });
    assert.deepEqual([y?.datatype, list(y)], ["BOOL", scores.map((x) => Number(x >= 2))]);
  });

  it("are dequantized", async () => {
    const model = await load({ dequantize: { scale: 0.25, zeroPoint: 100 }, threshold: 0 }, "uint8");
    const { y } = await model.predict({ x: { data: Uint8Array.of(99, 100, 101, 0), shape: [1, 4] } });
    assert.deepEqual(list(y), [0, 1, 1, 0]);
    const floats = await (await load({ dequantize: { scale: 0.25, zeroPoint: -1 } }, "int8")).predict({
      x: { data: Int8Array.of(-128, -1, 0, 127), shape: [1, 4] },
    });
    assert.deepEqual(list(floats.y), [-31.75, 0, 0.25, 32]);
  });

  it("of other types count as floats", async () => {
    for (const [type, data] of [
      ["fp64", Float64Array.of(1, 2, 4, 3)],
      ["int64", BigInt64Array.of(1n, 2n, 4n, 3n)],
      ["int32", Int32Array.of(1, 2, 4, 3)],
    ] as const) {
      const { y } = await (await load({ argmax: true }, type)).predict({ x: { data, shape: [1, 4] } });
      assert.deepEqual(list(y), [2n], type);
    }
  });

  it("are renamed without being touched", async () => {
    const model = await Model.load(modelPath("simple"), { postprocess: { OUTPUT0: { name: "sum" } } });
    open.push(model);
    const x = { data: Int32Array.from({ length: 16 }, (_, i) => i), shape: [1, 16] };
    const { sum, OUTPUT1 } = await model.predict({ INPUT0: x, INPUT1: x });
    assert.deepEqual(list(sum), list({ data: Int32Array.from({ length: 16 }, (_, i) => 2 * i) } as unknown as Tensor));
    assert.equal(OUTPUT1?.datatype, "INT32");
  });

  it("of many calls go back to their callers", async () => {
    const model = await load({ topK: 2 });
    const calls = Array.from({ length: 300 }, (_, i) => ({ data: Float32Array.of(i, -i, i + 0.5, 0), shape: [1, 4] }));
    const all = await Promise.all(calls.map((x) => model.predict({ x })));
    for (const [i, { y, y_scores }] of all.entries()) {
      assert.deepEqual(
        [list(y), list(y_scores)],
        [
          [2n, 0n],
          [i + 0.5, i],
        ],
      );
    }
  });
});
