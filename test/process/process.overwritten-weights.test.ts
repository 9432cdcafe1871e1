// SPDX-License-Identifier: Apache-2.0
// Weights that are overwritten in place while they are served neither kill the process nor change its answers.
import assert from "node:assert/strict";
import { test } from "node:test";
import { runFile } from "./child.js";

test("a served model outlives its file of weights being cut short", async () => {
  const { code, signal, stdout, stderr } = await runFile(new URL("programs/overwritten-weights.ts", import.meta.url));
  assert.deepEqual({ code, signal, stderr }, { code: 0, signal: null, stderr: "" });
  const { before, after, failed, left } = JSON.parse(stdout);
  assert.deepEqual([before, after], [512 * 512, 512 * 512]);
  assert.match(failed, /^cannot load '\/models\/m\/1\/model\.onnx': /);
  assert.deepEqual(left, []);
});
