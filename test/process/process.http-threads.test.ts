// SPDX-License-Identifier: Apache-2.0
// HTTP threads that end, or stop, at work; and the process that ends while they are at work.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { runWith } from "./child.js";

const preload = new URL("programs/fault.mjs", import.meta.url).href;
const run = (fault: string) =>
  runWith(["--import", preload], new URL("programs/http-threads.ts", import.meta.url), fault);

describe("HTTP threads", { skip: process.platform === "linux" ? false : "needs Linux" }, () => {
  for (const [fault, error] of [
    ["throw", "injected"],
    ["reject", "injected"],
    ["exit", "an HTTP thread ended with code 3"],
  ] as const) {
    test(`under load, a thread that ends by ${fault} takes nobody else's requests along and is replaced`, async () => {
      const { code, signal, stdout, stderr } = await run(fault);
      assert.deepEqual({ code, signal }, { code: 0, signal: null }, stderr);
      const { answers, born, answered, unloaded, fatal } = JSON.parse(stdout);
      assert.deepEqual({ answers, born }, { answers: ["fulfilled", "rejected"], born: 1 });
      assert.deepEqual({ answered, unloaded }, { answered: [200, 200], unloaded: [404, 404] });
      assert.deepEqual(fatal, [{ msg: "an HTTP thread ended; it is started again", error }]);
    });
  }

  test("a thread that is blocked holds up neither the others nor the end of the server", async () => {
    const { code, signal, stdout, stderr } = await run("block");
    assert.deepEqual(
      { code, signal, stdout, stderr },
      { code: 0, signal: null, stdout: '{"closed":true}\n', stderr: "" },
    );
  });

  test("process.exit with busy threads exits 0 without a signal", async () => {
    for (let i = 0; i < 3; i++) {
      const { code, signal, stderr } = await run("exit-main");
      assert.deepEqual({ code, signal, stderr }, { code: 0, signal: null, stderr: "" });
    }
  });

  test("an exception that nothing catches in the main thread ends the process as it ends any other", async () => {
    const { code, signal, stderr } = await run("throw-main");
    assert.deepEqual({ code, signal }, { code: 1, signal: null });
    assert.match(stderr, /AssertionError .*injected/);
  });
});
