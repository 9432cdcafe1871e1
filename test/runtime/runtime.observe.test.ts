// SPDX-License-Identifier: Apache-2.0
// Outputs that are counted where they are made, instead of coming to JavaScript.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Model, type PredictInputs } from "../../src/index.js";
import { Histogram } from "../../src/runtime/histogram.js";
import { observe } from "../../src/runtime/observe.js";
import { modelPath } from "../models/make.mjs";

/** The model's only FP32 output, and what it is fed. */
const output = "y";
const inputs = (seed: number): PredictInputs => ({
  x: { data: Float32Array.from({ length: 12 }, (_, i) => Math.sin(seed + i)), shape: [3, 4] },
});

test("histograms hold what predict() gives, whatever the cache says", async () => {
  for (const cache of [false, true]) {
    const model = await Model.load(modelPath("mlp_tiny"), { cache });
    const [counted, expected] = [new Histogram(), new Histogram()];
    for (const seed of [1, 2, 2, 3]) {
      const { [output]: tensor } = await model.predict(inputs(seed), { outputs: [output] });
      const data = tensor?.data as Float32Array;
      expected.add(data);
      assert.deepEqual(
        await observe(model, inputs(seed), new Map([[output, counted]])),
        new Map([[output, data.length]]),
      );
    }
    assert.deepEqual(counted.read(), expected.read());
    assert.ok(counted.read().total > 0);
    await model.close();
  }
});

test("many at once count each value once", async () => {
  const model = await Model.load(modelPath("mlp_tiny"));
  const histogram = new Histogram();
  const calls = Array.from({ length: 100 }, (_, i) => observe(model, inputs(i), new Map([[output, histogram]])));
  const sizes = await Promise.all(calls);
  assert.equal(
    histogram.read().total,
    sizes.reduce((sum, size) => sum + (size.get(output) ?? 0), 0),
  );
  await model.close();
});

test("a value that is no number is told with the name of its tensor, and nothing of that tensor is counted", async () => {
  const model = await Model.load(modelPath("mlp_tiny"));
  const histogram = new Histogram();
  const bad = { x: { data: new Float32Array(12).fill(Number.NaN), shape: [3, 4] } };
  await assert.rejects(observe(model, bad, new Map([[output, histogram]])), {
    name: "OrtserveError",
    code: "ERR_RUN_FAILED",
    message: /tensor 'y': the value NaN came up at element 0/,
  });
  assert.equal(histogram.read().total, 0);
  await model.close();
});

test("outputs that are not FP32 are not counted; what is not there is refused", async () => {
  const model = await Model.load(modelPath("simple"));
  const histogram = new Histogram();
  const given = { INPUT0: new Int32Array(16), INPUT1: new Int32Array(16) };
  assert.deepEqual(await observe(model, given, new Map([["OUTPUT0", histogram]])), new Map([["OUTPUT0", 0]]));
  assert.equal(histogram.read().total, 0);
  const invalid = { name: "OrtserveError", code: "ERR_INVALID_INPUT" };
  await assert.rejects(observe(model, given, new Map([["none", histogram]])), invalid);
  await assert.rejects(observe(model, { INPUT0: given.INPUT0 }, new Map([["OUTPUT0", histogram]])), invalid);
  await assert.rejects(observe(model, given, new Map()), {
    code: "ERR_INVALID_ARGUMENT",
    message: /expected a histogram/,
  });
  const forged = { native: {} } as Histogram;
  await assert.rejects(observe(model, given, new Map([["OUTPUT0", forged]])), { code: "ERR_INVALID_ARGUMENT" });
  await model.close();
});

test("a model that is not measured at load runs all the same", async () => {
  const model = await Model.load(modelPath("mlp_tiny"), { measure: false });
  assert.deepEqual(model.metadata.costCurve, []);
  const measured = await Model.load(modelPath("mlp_tiny"));
  assert.ok(measured.metadata.costCurve.length > 0);
  const outputs = await Promise.all([model, measured].map((one) => one.predict(inputs(1), { outputs: [output] })));
  assert.deepEqual(outputs[0], outputs[1]);
  await Promise.all([model.close(), measured.close()]);
});
