// SPDX-License-Identifier: Apache-2.0
// worker_threads: one engine for all of them, and none of them missed when it is terminated at work.
import assert from "node:assert/strict";
import { test } from "node:test";
import { run } from "./child.js";

test("workers terminated with calls in flight leave the process healthy", async () => {
  const { code, signal, stdout, stderr } = await run("terminate-workers", "main");
  assert.deepEqual({ code, signal, stdout, stderr }, { code: 0, signal: null, stdout: "done\n", stderr: "" });
});

test("the engine stops with its last worker and starts again with the next", async () => {
  const { code, signal, stdout, stderr } = await run("terminate-workers", "restart");
  assert.deepEqual({ code, signal, stdout, stderr }, { code: 0, signal: null, stdout: "done\n", stderr: "" });
});

test("process.exit with busy workers exits 0 without a signal", async () => {
  for (let i = 0; i < 5; i++) {
    const { code, signal, stderr } = await run("terminate-workers", "exit");
    assert.deepEqual({ code, signal, stderr }, { code: 0, signal: null, stderr: "" });
  }
});

test("several workers and the main thread share one model", async () => {
  const { code, stdout, stderr } = await run("share-model");
  assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: "shared\n", stderr: "" });
});
