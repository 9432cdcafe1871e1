// SPDX-License-Identifier: Apache-2.0
// Serves with two HTTP threads, one of which fails as the first argument says; prints what became of it, as JSON.
import assert from "node:assert/strict";
import { BroadcastChannel } from "node:worker_threads";
import type * as Server from "../../../src/server/index.js";
import { answeringThread, onEachThread } from "../../server/each-thread.js";
import { RawClient, until } from "../../server/raw-http.js";
import { layoutOf, makeRepository, removeRepository } from "../../server/real-server.js";

// The compiled package: Node 20 preloads nothing into the threads that serve from a checkout's sources.
const compiled = new URL("../../../dist/server/index.js", import.meta.url).href;
const { createLogger, createServer, openRepository }: typeof Server = await import(compiled);

const [fault = ""] = process.argv.slice(2);
const rows = '{"instances": [[1, 2, 3, 4]]}';
const slow = (iterations: number) => JSON.stringify({ inputs: { x: [[1, 2, 3, 4]], iterations: [[iterations]] } });

const lines: { level: string; msg: string; err?: { message: string } }[] = [];
const logger = createLogger("info", { write: (line) => lines.push(JSON.parse(line)) });
// Small requests run on the HTTP threads, whatever they cost on a busy machine: the workers have slow ones to run.
const small = { versions: { 1: "mlp_tiny" }, config: "inline_micros: 100000\n" };
const root = makeRepository({ mlp_tiny: small, ...layoutOf("slow") });
const repository = await openRepository(root, { control: "explicit", load: ["*"] });
const server = createServer({ models: repository, port: 0, httpThreads: 2, logger, graceMs: 500 });
await server.listen();
const faults = new BroadcastChannel("faults");
const inject = (name: string, word?: Int32Array) => faults.postMessage({ thread: 0, fault: name, word });

async function predict(client: RawClient, model = "mlp_tiny", body = rows) {
  await client.request("POST", `/predict/${model}`, body);
  return (await client.response()).status;
}

/** Keeps both threads busy with small requests, whatever becomes of their answers. */
function load(): { stop(): void } {
  let stopped = false;
  const lane = async () => {
    while (!stopped) {
      const client = new RawClient(server.port);
      try {
        for (let i = 0; i < 100 && !stopped; i++) await predict(client);
      } catch {} // its thread has ended
      client.destroy();
    }
  };
  for (let i = 0; i < 32; i++) void lane();
  return { stop: () => (stopped = true) };
}

/** One thread dies at work: its clients are cut off, the other's are not, and after a while there are two again. */
async function dies(): Promise<object> {
  const clients = await onEachThread(server.port, 2);
  const before = await Promise.all(clients.map(answeringThread));
  await Promise.all(clients.map((client) => client.request("POST", "/predict/slow", slow(3000))));
  await until(() => server.inFlight === 2);
  const others = load();
  inject(fault);
  const answers = await Promise.allSettled(clients.map((client) => client.response()));
  others.stop();
  const after = await onEachThread(server.port, 1, before);
  const survivors = await onEachThread(server.port, 2);
  await until(() => server.inFlight === 0);
  const answered = await Promise.all(survivors.map((client) => predict(client)));
  await repository.unload("mlp_tiny"); // the new thread follows the repository like the old one
  const unloaded = await Promise.all(survivors.map((client) => predict(client)));
  await server.close();
  const fatal = lines.filter(({ level }) => level === "fatal").map(({ msg, err }) => ({ msg, error: err?.message }));
  return { answers: answers.map(({ status }) => status).sort(), born: after.length, answered, unloaded, fatal };
}

/** One thread does nothing any more: the others go on, and the server can be closed. */
async function blocks(): Promise<object> {
  const word = new Int32Array(new SharedArrayBuffer(8));
  inject("block", word);
  await until(() => Atomics.load(word, 1) === 1);
  const clients = Array.from({ length: 40 }, () => new RawClient(server.port));
  let answered = 0;
  for (const client of clients)
    void predict(client).then(
      () => answered++,
      () => {},
    );
  await until(() => answered > 0);
  await server.close();
  for (const client of clients) client.destroy();
  return { closed: true };
}

/** Ends the process while both threads are at work. */
async function ends(how: string): Promise<void> {
  const clients = await onEachThread(server.port, 2);
  for (const client of clients) await client.request("POST", "/predict/slow", slow(100_000));
  await until(() => server.inFlight === 2);
  removeRepository(root);
  load();
  await until(() => repository.models.find("mlp_tiny", "").model.stats().requests > 1000);
  if (how === "exit-main") process.exit(0);
  setImmediate(() => assert.fail("injected"));
}

if (fault === "exit-main" || fault === "throw-main") {
  await ends(fault);
} else {
  console.log(JSON.stringify(await (fault === "block" ? blocks() : dies())));
  faults.close();
  removeRepository(root);
}
