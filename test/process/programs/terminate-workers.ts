// SPDX-License-Identifier: Apache-2.0
// Terminates workers with calls in flight, again and again. "main": the main thread uses the engine at the same time, else each
// round ends the engine's last environment and the next starts it again. "exit": ends by process.exit with workers busy.
import { Worker } from "node:worker_threads";
import { loadSlow, slowCall } from "./slow-calls.js";

const [mode] = process.argv.slice(2);
const entry = new URL("worker.mjs", import.meta.url);

async function busyWorker(): Promise<Worker> {
  const worker = new Worker(entry, { workerData: { program: "busy-worker" } });
  await new Promise((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
  });
  return worker;
}

const model = mode === "main" ? await loadSlow() : undefined;
for (let round = 0; round < 8; round++) {
  const workers = await Promise.all([busyWorker(), busyWorker(), busyWorker()]);
  const own = model && slowCall(model, 50, true);
  if (mode === "exit" && round === 2) process.exit(0);
  await Promise.all(workers.map((worker) => worker.terminate()));
  await own;
}
await model?.close();
console.log("done");
