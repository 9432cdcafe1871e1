// SPDX-License-Identifier: Apache-2.0
// Rows of named values: every rule of a column, and what each kind of wrong value is told.
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { Model, type ModelOptions, type PreparedInputs, type Tensor } from "../../src/index.js";
import { identity } from "./models.js";

const open: Model[] = [];
after(() => Promise.all(open.map((model) => model.close())));

async function load(type: string, width: number, options: ModelOptions): Promise<Model> {
  const model = await Model.load(identity(type, ["batch", width]), { name: "m", ...options });
  open.push(model);
  return model;
}

const columns = [
  { name: "age", mean: 40, std: 10, min: 0, max: 120 },
  { name: "income", default: 1000, clip: true, max: 5000 },
  { name: "city", oneHot: ["Rome", "Oslo", 7, true], unknown: "ignore" },
  { name: "grade", ordinal: { low: 1, high: 3 }, unknown: -1 },
  { name: "plan", ordinal: ["free", "paid"], default: "free" },
] as const;

const tabular = await load("fp32", 8, { preprocess: { x: { columns } } });

async function values(model: Model, inputs: PreparedInputs): Promise<number[]> {
  const { y } = await model.predict<{ y: Tensor }>(inputs);
  return Array.from(y.data as Float32Array);
}

describe("a row that does not fit is refused, and the message names the column", () => {
  const good = { age: 50, city: "Rome", grade: "low" };
  const cases: [string, PreparedInputs, string][] = [
    ["a missing value", { city: "Rome", grade: "low" }, "missing feature 'age' of input 'x', which has no default"],
    ["null without a default", { ...good, age: null }, "expected a value for feature 'age', got null"],
    [
      "text for a number",
      { ...good, age: "50" },
      `expected a number from 0 to 120 for feature 'age', got the string "50"`,
    ],
    ["NaN", { ...good, age: NaN }, "expected a number from 0 to 120 for feature 'age', got NaN"],
    ["infinity", { ...good, income: Infinity }, "expected a number of at most 5000 for feature 'income', got Infinity"],
    ["a number below", { ...good, age: -1 }, "expected a number from 0 to 120 for feature 'age', got -1"],
    ["a number above", { ...good, age: 120.5 }, "expected a number from 0 to 120 for feature 'age', got 120.5"],
    [
      "an unknown category",
      { ...good, plan: "fre" },
      "expected one of its 2 categories for feature 'plan', got 'fre'; did you mean 'free'?",
    ],
    ["an unknown name", { ...good, agee: 1 }, "unexpected name 'agee' for model 'm'; did you mean 'age'?"],
    [
      "the second row",
      [good, { ...good, age: 200 }],
      "expected a number from 0 to 120 for feature 'age' in row 1, got 200",
    ],
    ["a list that is short", [[1, 2]], "expected 5 values for input 'x' (age, income, city, grade, plan), got 2"],
    [
      "a list that is long",
      [[1, 2, "Rome", "low", "free", 6]],
      "expected 5 values for input 'x' (age, income, city, grade, plan), got more",
    ],
  ] as [string, PreparedInputs, string][];
  for (const [what, inputs, message] of cases) {
    it(what, () => assert.rejects(tabular.predict(inputs), { code: "ERR_INVALID_INPUT", message }));
  }

  it("a list where a value should be", () =>
    assert.rejects(tabular.predict({ ...good, age: [1] }), /expected a single value for feature 'age'.*got an array/));

  it("lists of columns that differ in length, or are empty", async () => {
    const lists = { age: [50, 60], city: ["Rome"], grade: ["low", "low"] };
    await assert.rejects(tabular.predict(lists), {
      code: "ERR_INVALID_INPUT",
      message: "expected as many values for 'city' as for 'age', 2, got 1",
    });
    await assert.rejects(tabular.predict({ age: [], city: [] }), {
      message: "expected one value or more for 'age', got none",
    });
  });

  it("columns that are not as wide as the graph", () =>
    assert.rejects(load("fp32", 3, { preprocess: { x: { columns } } }), {
      code: "ERR_INVALID_ARGUMENT",
      message: "'preprocess' of input 'x': expected an input [-1,8] for the 8 elements of 5 columns, got FP32 [-1,3]",
    }));

  it("an input the model has not", () =>
    assert.rejects(load("fp32", 1, { preprocess: { xx: { columns: ["a"] } } }), {
      message: "'preprocess' names the input 'xx', which the model has not; did you mean 'x'?",
    }));

  it("an integer input and a fraction", async () => {
    const model = await load("int8", 1, { preprocess: { x: { columns: ["n"] } } });
    await assert.rejects(model.predict({ n: 1.5 }), {
      message: "expected a number that INT8 holds for feature 'n', got 1.5",
    });
    await assert.rejects(model.predict({ n: 128 }), {
      message: "expected a number that INT8 holds for feature 'n', got 128",
    });
    const { y } = await model.predict<{ y: Tensor }>([{ n: -128 }, { n: 127 }, { n: true }]);
    assert.deepEqual([...(y.data as Int8Array)], [-128, 127, 1]);
  });
});

describe("options that make no sense are refused at load", () => {
  const cases: [string, object, RegExp][] = [
    ["two kinds of category", { name: "a", oneHot: ["x"], ordinal: ["x"] }, /oneHot or ordinal, got both/],
    ["a category twice", { name: "a", oneHot: ["x", "x"] }, /category 'x' of column 'a' stands twice/],
    ["a code for an unknown one-hot", { name: "a", oneHot: ["x"], unknown: 2 }, /error or ignore for oneHot/],
    ["ignoring an unknown ordinal", { name: "a", ordinal: ["x"], unknown: "ignore" }, /error or a number for ordinal/],
    ["a mean of categories", { name: "a", oneHot: ["x"], mean: 1 }, /no mean for categories/],
    ["std 0", { name: "a", std: 0 }, /a number other than 0/],
    ["min above max", { name: "a", min: 2, max: 1 }, /a min of at most max/],
    ["text as a number's default", { name: "a", default: "x" }, /a number as default/],
    ["a default above max", { name: "a", default: 5, max: 1 }, /a default from -Infinity to 1, or clip, got 5/],
    ["a default that is no category", { name: "a", ordinal: ["x"], default: "z" }, /one of its categories.*got "z"/],
    ["a default of another kind", { name: "a", oneHot: ["x"], default: 1 }, /one of its categories.*got 1/],
    ["NaN as default", { name: "a", default: Number.NaN }, /a finite number as default, or allowNan, got NaN/],
    ["an option that is not one", { name: "a", meen: 1 }, /unknown column option 'meen', did you mean 'mean'/],
  ];
  for (const [what, column, message] of cases) {
    const preprocess = { x: { columns: [column] } } as NonNullable<ModelOptions["preprocess"]>;
    it(what, () => assert.rejects(load("fp32", 1, { preprocess }), { code: "ERR_INVALID_ARGUMENT", message }));
  }
  it("a column twice", () =>
    assert.rejects(load("fp32", 2, { preprocess: { x: { columns: ["a", "a"] } } }), /column 'a' stands twice/));
  it("but defaults that the column accepts are not", async () => {
    const columns = [
      { name: "clipped", default: 5, max: 1, clip: true },
      { name: "open", default: Number.NaN, allowNan: true },
      { name: "other", ordinal: ["x"], default: "z", unknown: -1 },
    ] as const;
    assert.deepEqual(await values(await load("fp32", 3, { preprocess: { x: { columns } } }), [{}]), [
      1,
      Number.NaN,
      -1,
    ]);
  });
});

describe("rows", () => {
  it("are standardized, clipped, coded and filled in", async () => {
    const row = { age: 55, income: 9999, city: "Oslo", grade: "high", plan: "paid" };
    assert.deepEqual(await values(tabular, row), [1.5, 5000, 0, 1, 0, 0, 3, 1]);
    assert.deepEqual(await values(tabular, { age: 40, city: "Paris", grade: "?" }), [0, 1000, 0, 0, 0, 0, -1, 0]);
  });

  it("take numbers and booleans as categories, and null for what has a default", async () => {
    const rows = [
      { age: 30, income: null, city: 7, grade: "low", plan: null },
      { age: 30, city: true, grade: "low" },
    ];
    assert.deepEqual(await values(tabular, rows), [-1, 1000, 0, 0, 1, 0, 1, 0, -1, 1000, 0, 0, 0, 1, 1, 0]);
  });

  it("come as lists in the order of the columns", async () => {
    assert.deepEqual(await values(tabular, [[40, 1, "Rome", "low", "free"]]), [0, 1, 1, 0, 0, 0, 1, 0]);
  });

  it("come as columns, arrays or typed ones, with defaults for those that are left out", async () => {
    const lists = { age: Float32Array.of(40, 50), city: ["Rome", "Oslo"], grade: ["low", "high"] };
    assert.deepEqual(await values(tabular, lists), [0, 1000, 1, 0, 0, 0, 1, 0, 1, 1000, 0, 1, 0, 0, 3, 0]);
    const rows = [
      { age: 40, city: "Rome", grade: "low" },
      { age: 50, city: "Oslo", grade: "high" },
    ];
    assert.deepEqual(await values(tabular, lists), await values(tabular, rows));
  });

  it("may come as the tensor all the same", async () => {
    const { y } = await tabular.predict<{ y: Tensor }>({ x: Float32Array.from([1, 2, 3, 4, 5, 6, 7, 8]) });
    assert.deepEqual([...(y.data as Float32Array)], [1, 2, 3, 4, 5, 6, 7, 8]);
  });

  it("let NaN through where that is said", async () => {
    const model = await load("fp32", 1, { preprocess: { x: { columns: [{ name: "a", allowNan: true }] } } });
    assert.deepEqual(await values(model, [{ a: NaN }, { a: -Infinity }]), [NaN, -Infinity]);
  });

  it("of many calls do not mix", async () => {
    const all = await Promise.all(
      Array.from({ length: 200 }, (_, i) => values(tabular, { age: i % 120, city: "Rome", grade: "low" })),
    );
    for (const [i, row] of all.entries()) assert.equal(row[0], Math.fround(((i % 120) - 40) / 10));
  });
});
