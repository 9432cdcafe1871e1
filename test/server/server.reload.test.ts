// SPDX-License-Identifier: Apache-2.0
// Models change while they are in use: no request fails, and each is answered by what its path means by then.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { modelPath } from "../models/make.mjs";
import { LiveServer } from "./live-server.js";
import { RawClient, until } from "./raw-http.js";
import { SocketClient } from "./socket-client.js";

const open: LiveServer[] = [];
after(() => Promise.all(open.map((live) => live.close())));

async function start(...args: Parameters<typeof LiveServer.start>): Promise<LiveServer> {
  const live = await LiveServer.start(...args);
  open.push(live);
  return live;
}

const rows = { instances: [[1, 2, 3, 4]] };
const body = JSON.stringify(rows);

/** A request whose body is on its way: all but its last byte has been read by the server. */
async function begun(live: LiveServer, path: string): Promise<RawClient> {
  const client = new RawClient(live.server.port);
  const head = `POST ${path} HTTP/1.1\r\nHost: t\r\nContent-Length: ${body.length}\r\n\r\n`;
  await client.send(head, body.slice(0, -1));
  await until(() => live.server.inFlight === 1);
  return client;
}

test("a request whose model goes while its body comes is answered 404", async () => {
  const live = await start({ m: { versions: { 1: "mlp_tiny" } } });
  const client = await begun(live, "/predict/m");
  await live.unload("m");
  await client.send(body.slice(-1));
  const { status, body: answer } = await client.response();
  assert.equal(status, 404);
  assert.match(answer.toString(), /has no available versions/);
  client.destroy();
});

for (const [what, path] of [
  ["the default version", "/predict/m"],
  ["an explicit version", "/predict/m/v1"],
  ["a label", "/predict/m/stable"],
] as const) {
  test(`a request for ${what} that is replaced while its body comes is answered by the new`, async () => {
    const live = await start({ m: { versions: { 1: "mlp_tiny" }, config: "version_labels: {stable: 1}\n" } });
    const client = await begun(live, path);
    live.replace("m/1/model.onnx", { model: "rowsum" });
    assert.equal((await live.load("m")).status, 200);
    await client.send(body.slice(-1));
    const { status, body: answer } = await client.response();
    assert.deepEqual([status, JSON.parse(answer.toString()).predictions], [200, [10]]);
    client.destroy();
  });
}

test("a request that runs when its version is unloaded is answered", async () => {
  const live = await start({ slow: { versions: { 1: "slow" } } });
  const running = live.post("/predict/slow", { inputs: { x: [[1, 2, 3, 4]], iterations: [[2000]] } });
  await until(() => live.server.inFlight === 1);
  assert.equal((await live.unload("slow")).status, 200);
  const states = (await live.index("slow")).map(({ state }) => state);
  assert.ok(["UNLOADING", "UNAVAILABLE"].includes(states[0] ?? ""), states.join());
  const { status, json } = await running;
  assert.deepEqual([status, json.predictions?.[0]], [200, [1, 2, 3, 4]]);
  await live.event(({ kind }) => kind === "unloaded");
  assert.equal((await live.index("slow"))[0]?.state, "UNAVAILABLE");
});

test("a WebSocket outlives the versions that answer it", async () => {
  const live = await start({ m: { versions: { 1: "mlp_tiny" } } });
  const socket = await SocketClient.open(live.server.url, "/predict/m");
  const ask = () => {
    socket.socket.send(JSON.stringify({ id: "s", ...rows }));
    return socket.json();
  };
  assert.equal((await ask()).version, "1");
  live.replace("m/2/model.onnx", { model: "rowsum" });
  await live.load("m");
  assert.deepEqual(await ask(), { id: "s", predictions: [10], model: "m", version: "2" });
  await live.unload("m");
  const refused = await ask();
  assert.deepEqual([refused.id, refused.status], ["s", 404]);
  await live.load("m");
  assert.equal((await ask()).version, "2");
  socket.socket.terminate();
});

test("a cached result of a replaced model is not found again", async () => {
  const live = await start({ m: { versions: { 1: "mlp_tiny" }, config: "cache: true\n" } });
  const ask = async () => {
    const response = await fetch(`${live.server.url}/predict/m`, { method: "POST", body });
    return [response.headers.get("x-cache"), ((await response.json()) as { predictions: unknown[] }).predictions];
  };
  assert.equal((await ask())[0], "miss");
  assert.equal((await ask())[0], "hit");
  live.replace("m/1/model.onnx", { model: "rowsum" });
  await live.load("m");
  assert.deepEqual(await ask(), ["miss", [10]]);
  assert.deepEqual(await ask(), ["hit", [10]]);
});

test("weights beside an unchanged model file are read anew", async () => {
  const live = await start({ other: { versions: { 1: "mlp_tiny" } } });
  const weights = readFileSync(modelPath("external").replace(/\.onnx$/, ".bin"));
  live.replace("m/1/external.bin", weights);
  live.replace("m/1/model.onnx", { model: "external" });
  assert.equal((await live.load("m")).status, 200);
  const [before] = (await live.post("/predict/m", rows)).json.predictions;
  const doubled = new Float32Array(weights.buffer.slice(weights.byteOffset, weights.byteOffset + weights.length));
  live.replace("m/1/external.bin", Buffer.from(doubled.map((value) => 2 * value).buffer));
  assert.equal((await live.load("m")).status, 200);
  const [after] = (await live.post("/predict/m", rows)).json.predictions;
  assert.deepEqual(
    after.map(Math.fround),
    before.map((value: number) => Math.fround(2 * value)),
  );
});

test("no request fails under load while the model is replaced, its versions come and go, and its default moves", async () => {
  const live = await start({ m: { versions: { 1: "mlp_tiny" } } });
  const load = new LoadGenerator(`${live.server.url}/predict/m`, 12_000);
  let swaps = 0;
  for (; load.running; swaps++) {
    live.replace("m/1/model.onnx", { model: swaps % 2 === 0 ? "rowsum" : "mlp_tiny" });
    live.replace("m/2/model.onnx", { model: "mlp_tiny" });
    live.configure(
      "m",
      `default_version: ${1 + (swaps % 2)}\nversions: ${swaps % 3 === 0 ? "{latest: 2}" : "[1, 2]"}\n`,
    );
    assert.equal((await live.load("m")).status, 200);
    live.configure("m", swaps % 2 === 0 ? "versions: [2]\n" : "versions: [1]\n");
    assert.equal((await live.load("m")).status, 200);
  }
  const { answered, failed } = await load.ended;
  assert.ok(swaps >= 5, `${swaps} swaps`);
  assert.deepEqual({ answered, failed }, { answered: 12_000, failed: 0 });
});

/** autocannon, in a process of its own. */
class LoadGenerator {
  running = true;
  readonly ended: Promise<{ answered: number; failed: number }>;

  constructor(url: string, requests: number) {
    const program = fileURLToPath(import.meta.resolve("autocannon"));
    const words = [
      "--json",
      "--amount",
      String(requests),
      "--connections",
      "16",
      "--method",
      "POST",
      "--body",
      body,
      url,
    ];
    const child = spawn(process.execPath, [program, ...words], { stdio: ["ignore", "pipe", "ignore"] });
    let text = "";
    child.stdout.on("data", (chunk) => {
      text += chunk;
    });
    this.ended = once(child, "close").then(() => {
      this.running = false;
      const { "2xx": answered, non2xx, errors, timeouts } = JSON.parse(text);
      return { answered, failed: non2xx + errors + timeouts };
    });
  }
}
