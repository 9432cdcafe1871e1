// SPDX-License-Identifier: Apache-2.0
// The end of a process that uses the engine: exit 0, no signal, nothing on stderr, whatever is going on.
import assert from "node:assert/strict";
import { test } from "node:test";
import { run } from "./child.js";

for (const [mode, times] of [
  ["single", 20],
  ["batched", 5],
  ["loading", 5],
] as const) {
  test(`process.exit while running (${mode}) exits 0 without a signal, ${times} times`, async () => {
    for (let i = 0; i < times; i++) {
      const { code, signal, stderr } = await run("exit-while-running", mode);
      assert.deepEqual({ code, signal, stderr }, { code: 0, signal: null, stderr: "" });
    }
  });
}

test("when 'exit' listeners run, nothing is queued and the engine takes no more", async () => {
  const { code, stdout, stderr } = await run("exit-event");
  assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
  assert.deepEqual(JSON.parse(stdout), { code: "ERR_MODEL_CLOSED", queuedRows: 0 });
});

test("a process with open calls lives until they are answered, then ends by itself", async () => {
  const { code, stdout, stderr } = await run("end-by-itself");
  assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: "all answered\n", stderr: "" });
});

test("a reply handler that throws costs the others nothing", async () => {
  const { code, stdout, stderr } = await run("throwing-handler");
  assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
  assert.deepEqual(JSON.parse(stdout), { replies: 19, thrown: 1 });
});
