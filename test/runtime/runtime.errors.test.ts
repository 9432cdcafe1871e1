// SPDX-License-Identifier: Apache-2.0
// The error contract: codes, class, and stacks that lead to the caller.
import assert from "node:assert/strict";
import { test } from "node:test";
import { errorCodes, Model, OrtserveError } from "../../src/index.js";
import { nativeBinding } from "../../src/native/load.js";
import { modelPath } from "../models/make.mjs";

test("every code of the native core is in the table, in the same order", () => {
  const [ok, ...native] = nativeBinding().codes;
  assert.equal(ok, "OK");
  assert.deepEqual(native, Object.keys(errorCodes).slice(0, native.length));
});

async function callerWithAName(model: Model): Promise<unknown> {
  return model.predict({ index: [[99]] });
}

test("a failure inside the model has the stack of the call", async () => {
  const model = await Model.load(modelPath("failing"), { inlineMicros: 0 });
  await assert.rejects(callerWithAName(model), (error: OrtserveError) => {
    assert.ok(error instanceof OrtserveError);
    assert.equal(error.code, "ERR_INVALID_INPUT");
    assert.match(
      error.stack ?? "",
      /^OrtserveError \[ERR_INVALID_INPUT\]: .*\n\s+at callerWithAName .*runtime\.errors\.test\.ts/s,
    );
    return true;
  });
  await model.close();
});

async function loaderWithAName(): Promise<unknown> {
  return Model.load(modelPath("corrupt"));
}

test("a failed load has the stack of the call", async () => {
  await assert.rejects(loaderWithAName(), (error: OrtserveError) => {
    assert.match(error.stack ?? "", /at loaderWithAName .*runtime\.errors\.test\.ts/);
    return true;
  });
});
