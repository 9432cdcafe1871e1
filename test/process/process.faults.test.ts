// SPDX-License-Identifier: Apache-2.0
// Faults that happen to a process while it works: each ends in a coded error for whom it concerns, and in nothing else.
import assert from "node:assert/strict";
import { test } from "node:test";
import { run } from "./child.js";

test("too little memory, a graph that throws, a close and clients that leave are errors of their own calls", async () => {
  const { code, signal, stdout, stderr } = await run("faults");
  assert.deepEqual({ code, signal, stderr }, { code: 0, signal: null, stderr: "" });
  const { shortOfMemory, throwing, closedInFlight, clientsGone } = JSON.parse(stdout);
  assert.deepEqual(shortOfMemory.request, { ERR_OUT_OF_MEMORY: 1 });
  const { ok, ERR_OUT_OF_MEMORY: refused } = shortOfMemory.batch;
  assert.ok(ok > 0 && refused > 0, stdout);
  assert.equal(ok + refused, 64, stdout);
  assert.deepEqual(throwing, { ok: 3, ERR_INVALID_INPUT: 1 });
  assert.deepEqual(closedInFlight, { ok: 20, ERR_MODEL_CLOSED: 1 });
  assert.deepEqual(clientsGone, [200, 200, 200, 200]);
});
