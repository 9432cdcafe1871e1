// SPDX-License-Identifier: Apache-2.0
// A process that may use one core of a large machine starts threads for one core.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { run } from "./child.js";

const confinable = process.platform === "linux" && spawnSync("taskset", ["--version"]).status === 0;

test("on one core the engine has one worker", { skip: confinable ? false : "needs Linux and taskset" }, async () => {
  const { code, signal, stdout, stderr } = await run("one-core");
  assert.deepEqual({ code, signal, stderr }, { code: 0, signal: null, stderr: "" });
  const { cores, workers, added } = JSON.parse(stdout);
  assert.deepEqual({ cores, workers }, { cores: 1, workers: 1 });
  // One loads models, beside the worker; the third would be one of the runtime library's.
  assert.ok(added <= 3, `${added} threads`);
});
