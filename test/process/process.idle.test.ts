// SPDX-License-Identifier: Apache-2.0
// An idle server sleeps: none of its threads polls or spins.
import assert from "node:assert/strict";
import { test } from "node:test";
import { run } from "./child.js";

// This measures what the process itself burned, not how fast anything was, so a busy machine does not fail it: a thread that
// waits for an event takes no CPU time however long that event is in coming. One thread that spins takes a whole core
// (100 %), one that polls every millisecond takes 5 % and more. What is left here is a timer or two per second.
test("a server with open connections and nothing to do takes less than 3 % of a core", async () => {
  const { code, signal, stdout, stderr } = await run("idle-server");
  assert.deepEqual({ code, signal, stderr }, { code: 0, signal: null, stderr: "" });
  const { idleMicros, windowMicros } = JSON.parse(stdout);
  assert.ok(windowMicros >= 1_900_000, `${windowMicros} us`);
  assert.ok(idleMicros < windowMicros * 0.03, `${idleMicros} of ${windowMicros} us`);
});
