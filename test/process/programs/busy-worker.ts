// SPDX-License-Identifier: Apache-2.0
// A worker that keeps calls in flight for ever and reports when the first have been answered.
import { parentPort } from "node:worker_threads";
import { loadSlow, slowCall } from "./slow-calls.js";

const model = await loadSlow();
let answered = 0;
async function forever(transfer: boolean): Promise<void> {
  for (;;) {
    await slowCall(model, 10, transfer);
    if (++answered === 5) parentPort?.postMessage("busy");
  }
}
for (let i = 0; i < 16; i++) void forever(i % 2 === 0);
