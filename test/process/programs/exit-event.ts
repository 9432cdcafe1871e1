// SPDX-License-Identifier: Apache-2.0
// What is left of the engine in an 'exit' listener: nothing runs any more, and whoever asks is told so.
import { ModelPort } from "../../../src/runtime/model-port.js";
import { loadSlow, slowCall } from "./slow-calls.js";

const model = await loadSlow({ batching: "off" });
const body = new TextEncoder().encode('{"inputs": {"x": [[1,2,3,4]], "iterations": [[1]]}}').buffer as ArrayBuffer;
process.on("exit", () => {
  const report = (code: string) => console.log(JSON.stringify({ code, queuedRows: model.stats().queuedRows }));
  ModelPort.current().submit(model, 0, false, -1, body, 0, body.byteLength, 0, {
    reply: () => report("OK"),
    fail: report,
  });
});
for (let i = 0; i < 40; i++) void slowCall(model, 100, i % 2 === 0).then(() => process.exit(0));
