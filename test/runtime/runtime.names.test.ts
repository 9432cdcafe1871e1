// SPDX-License-Identifier: Apache-2.0
// Inputs and outputs that are named like members of Object.prototype.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Model } from "../../src/index.js";
import { randomInputs } from "../../src/optimize/run/random-inputs.js";
import { model as graph, node, value } from "../models/onnx.mjs";

test("names of Object.prototype are names like any other", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "ortserve-names-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, "names.onnx");
  const input = [value("toString", "fp32", ["n"])];
  const output = [value("__proto__", "fp32", ["n"])];
  writeFileSync(path, graph({ name: "names", input, output, node: [node("Identity", ["toString"], ["__proto__"])] }));
  await using model = await Model.load(path);
  const outputs = await model.predict({ toString: Float32Array.of(1, 2) } as never);
  assert.deepEqual(Object.keys(outputs), ["__proto__"]);
  assert.deepEqual(Object.entries(outputs)[0]?.[1].data, Float32Array.of(1, 2));
  assert.equal(Object.getPrototypeOf(outputs), Object.prototype);
  await assert.rejects(model.predict({}), { code: "ERR_INVALID_INPUT", message: /missing input 'toString'/ });
  const made = randomInputs(model.metadata.inputs, {});
  assert.deepEqual(Object.keys(made), ["toString"]);
});
