// SPDX-License-Identifier: Apache-2.0
// One process and one fault after the other: too little memory for a batch, a graph that throws, a model that is closed with
// calls in flight, clients that leave. Prints what became of the calls, by fault.
import { Model, type OrtserveError } from "../../../src/index.js";
import { createServer, loadRepository } from "../../../src/server/index.js";
import { modelPath } from "../../models/make.mjs";
import { RawClient } from "../../server/raw-http.js";
import { makeRepository, removeRepository } from "../../server/real-server.js";
import { loadSlow, slowCall } from "./slow-calls.js";

const engine = { maxBufferBytes: 8 * 2 ** 20 };
const queued = { inlineMicros: 0, instances: 1, maxDelayMs: 50 };
const turn = () => new Promise((resolve) => setImmediate(resolve));

/** How often each outcome came. */
async function outcomes(calls: readonly Promise<unknown>[]): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  const ends = calls.map((call) => call.then(() => "ok").catch((error: OrtserveError) => error.code));
  for (const end of await Promise.all(ends)) counts[end] = (counts[end] ?? 0) + 1;
  return counts;
}

/** Outputs of 1 MB per row. */
async function shortOfMemory() {
  const wide = await Model.load(modelPath("wide_output"), { ...queued, maxBatchRows: 64, engine });
  const request = await outcomes([wide.predict(Array.from({ length: 16 }, (_, i) => [i]))]);
  const batch = await outcomes(Array.from({ length: 64 }, (_, i) => wide.predict([[i]])));
  while ((await outcomes([wide.predict([[1]])])).ok !== 1) {
    globalThis.gc?.(); // results that nobody holds any more
    await turn();
  }
  await wide.close();
  return { request, batch };
}

async function throwing() {
  const failing = await Model.load(modelPath("failing"), { ...queued, maxBatchRows: 4 });
  const calls = await outcomes([0, 1, 99, 2].map((index) => failing.predict({ index: [[index]] })));
  await failing.close();
  return calls;
}

async function closedInFlight() {
  const slow = await loadSlow({ batching: "off" });
  const calls = Array.from({ length: 20 }, (_, i) => slowCall(slow, 50, i % 2 === 0));
  const closed = slow.close();
  calls.push(slowCall(slow, 1));
  const ends = outcomes(calls);
  await closed;
  return ends;
}

/** Of 8 clients, half leave at once; the answers for them find nobody. */
async function clientsGone() {
  const root = makeRepository({ slow: { versions: { 1: "slow" }, config: "batching: off\n" } });
  const server = createServer({ models: await loadRepository(root), port: 0 });
  await server.listen();
  const body = JSON.stringify({ inputs: { x: [[1, 2, 3, 4]], iterations: [[300]] } });
  const clients = Array.from({ length: 8 }, () => new RawClient(server.port));
  await Promise.all(clients.map((client) => client.request("POST", "/predict/slow", body)));
  while (server.inFlight < clients.length) await turn();
  const [staying, leaving] = [clients.slice(0, 4), clients.slice(4)];
  for (const client of leaving) client.destroy();
  const answers = await Promise.all(staying.map((client) => client.response()));
  while (server.inFlight > 0) await turn();
  await server.close();
  removeRepository(root);
  return answers.map(({ status }) => status);
}

console.log(
  JSON.stringify({
    shortOfMemory: await shortOfMemory(),
    throwing: await throwing(),
    closedInFlight: await closedInFlight(),
    clientsGone: await clientsGone(),
  }),
);
