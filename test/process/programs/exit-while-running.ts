// SPDX-License-Identifier: Apache-2.0
// process.exit() with runs in flight, calls queued, bodies being decoded, and (argument "loading") a load in progress.
import { ModelPort } from "../../../src/runtime/model-port.js";
import { loadSlow, slowCall } from "./slow-calls.js";

const model = await loadSlow({ batching: process.argv[2] === "batched" ? "auto" : "off" });
const ignore = { reply() {}, fail() {} };
const body = new TextEncoder().encode(
  JSON.stringify({ inputs: { x: Array(20_000).fill([1, 2, 3, 4]), iterations: Array(20_000).fill([1]) } }),
).buffer as ArrayBuffer;

let finished = 0;
for (let i = 0; i < 60; i++) {
  void slowCall(model, 100, i % 2 === 0).then(() => {
    if (++finished < 3) return;
    ModelPort.current().submit(model, 0, false, -1, body, 0, body.byteLength, 0, ignore);
    if (process.argv[2] === "loading") void loadSlow({ sessionOptions: { "session.set_denormal_as_zero": "1" } });
    process.exit(0);
  });
}
