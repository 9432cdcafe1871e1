// SPDX-License-Identifier: Apache-2.0
// A reply handler that throws: an uncaught exception like any other, and the other handlers get their replies.
import { ModelPort } from "../../../src/runtime/model-port.js";
import { loadSlow } from "./slow-calls.js";

const model = await loadSlow();
const port = ModelPort.current();
const body = new TextEncoder().encode('{"inputs": {"x": [[1,2,3,4]], "iterations": [[1]]}}').buffer as ArrayBuffer;
let replies = 0;
let thrown = 0;
process.on("uncaughtException", (error) => {
  if (error.message === "from a handler") thrown++;
});
for (let i = 0; i < 20; i++) {
  const reply = () => {
    if (i === 7) throw new Error("from a handler");
    replies++;
  };
  port.submit(model, 0, false, -1, body, 0, body.byteLength, 0, { reply, fail: console.error });
}
process.on("beforeExit", () => console.log(JSON.stringify({ replies, thrown })));
