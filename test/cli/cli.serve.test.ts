// SPDX-License-Identifier: Apache-2.0
// `ortserve serve` in a process of its own: help, start, and an end in which nothing is lost.
import assert from "node:assert/strict";
import { cpSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { modelPath } from "../models/make.mjs";
import { RawClient, until } from "../server/raw-http.js";
import { makeRepository, removeRepository } from "../server/real-server.js";
import { SocketClient } from "../server/socket-client.js";
import { runCli, ServeProcess } from "./serve-process.js";

const root = makeRepository({ slow: { versions: { 1: "slow" } }, tiny: { versions: { 1: "mlp_tiny" } } });
after(() => removeRepository(root));

const tinyBody = JSON.stringify({ instances: [[1, 2, 3, 4]] });
/** Runs for about 0.15 ms per iteration. */
const slowBody = (iterations: number) => JSON.stringify({ inputs: { x: [[1, 2, 3, 4]], iterations: [[iterations]] } });

test("--help shows examples, --version the version", async () => {
  const help = await runCli("serve", "--help");
  assert.equal(help.code, 0);
  assert.match(help.stdout, /Examples:\n\s+ortserve serve models/);
  assert.match((await runCli("--version")).stdout, /^\d+\.\d+\.\d+\n$/);
});

test("one .onnx file is served under its name", async () => {
  const server = new ServeProcess("serve", modelPath("mlp_tiny"), "--port", "0");
  const url = await server.listening();
  const response = await fetch(new URL("/predict/mlp_tiny/v1", url), { method: "POST", body: tinyBody });
  assert.equal(response.status, 200);
  server.child.kill("SIGINT");
  assert.equal((await server.ended).code, 0);
});

/** Asks as fast as it can until the server listens no more, on connections that last for a few requests. */
class Lanes {
  answered = 0;
  closeAnnounced = 0;
  readonly lost: unknown[] = [];
  readonly #port: number;
  readonly #lanes: Promise<void>[];

  constructor(port: string, count: number) {
    this.#port = Number(port);
    this.#lanes = Array.from({ length: count }, () => this.#lane());
  }

  async ended(): Promise<void> {
    await Promise.all(this.#lanes);
  }

  async #lane(): Promise<void> {
    for (;;) {
      const client = new RawClient(this.#port);
      const connected = await new Promise<boolean>((resolve) => {
        client.socket.once("connect", () => resolve(true));
        client.socket.once("error", () => resolve(false));
      });
      if (!connected) return; // refused: no request was accepted
      await this.#connection(client).catch((error: unknown) => this.lost.push(error));
      client.destroy();
    }
  }

  async #connection(client: RawClient): Promise<void> {
    for (let count = 0; count < 5; count++) {
      await client.request("POST", "/predict/tiny", tinyBody);
      const { status, headers } = await client.response();
      assert.equal(status, 200);
      this.answered++;
      if (headers.connection !== "close") continue;
      this.closeAnnounced++;
      return;
    }
  }
}

for (const threads of process.platform === "linux" ? ["1", "2"] : ["1"]) {
  test(`SIGTERM under load, --http-threads ${threads}: what was accepted is answered, then the process ends with 0`, async () => {
    const server = new ServeProcess("serve", root, "--port", "0", "--http-threads", threads);
    const lanes = new Lanes((await server.listening()).port, 16);
    await until(() => lanes.answered > 500);
    server.child.kill("SIGTERM");
    const { code } = await server.ended;
    await lanes.ended();
    assert.deepEqual([code, lanes.lost], [0, []]);
    assert.ok(lanes.closeAnnounced > 0, "connections were ended with Connection: close");
  });
}

test("SIGTERM lets slow requests finish, over HTTP and WebSocket, and refuses new ones", async () => {
  const server = new ServeProcess("serve", root, "--port", "0");
  const url = await server.listening();
  const idle = new RawClient(Number(url.port));
  await idle.request("GET", "/v2/health/ready");
  assert.equal((await idle.response()).status, 200);
  const socket = await SocketClient.open(url.origin, "/predict/slow");
  const slow = new RawClient(Number(url.port));
  socket.socket.send(slowBody(3000));
  await slow.request("POST", "/predict/slow", slowBody(3000));
  const stats = async () => (await (await fetch(new URL("/v2/models/slow/stats", url))).json()) as never;
  assert.ok(await stats());
  server.child.kill("SIGTERM");
  await server.logged(/^shutting down/);
  await idle.request("GET", "/v2/health/ready");
  const notReady = await idle.response();
  assert.deepEqual([notReady.status, notReady.headers.connection], [503, "close"]);
  const answer = await slow.response();
  assert.deepEqual([answer.status, answer.headers.connection], [200, "close"]);
  assert.equal((await socket.json()).model, "slow");
  assert.equal(await socket.closed, 1001);
  assert.equal((await server.ended).code, 0);
});

test("what does not finish within the grace is cut off", async () => {
  const server = new ServeProcess("serve", root, "--port", "0", "--grace", "50");
  const url = await server.listening();
  const client = new RawClient(Number(url.port));
  await client.request("POST", "/predict/slow", slowBody(20_000));
  await (await fetch(new URL("/v2", url))).text(); // the request before this one has been read
  server.child.kill("SIGTERM");
  await assert.rejects(client.response(), /connection closed/);
  assert.equal((await server.ended).code, 0);
});

test("a second signal ends the process at once", async () => {
  const server = new ServeProcess("serve", root, "--port", "0");
  const url = await server.listening();
  const client = new RawClient(Number(url.port));
  await client.request("POST", "/predict/slow", slowBody(100_000));
  await (await fetch(new URL("/v2", url))).text();
  server.child.kill("SIGTERM");
  await server.logged(/^shutting down/);
  server.child.kill("SIGTERM");
  assert.equal((await server.ended).code, 143);
  client.destroy();
});

test("a second server on the same port is refused, the first one serves on", async () => {
  const first = new ServeProcess("serve", root, "--port", "0");
  const url = await first.listening();
  const second = await runCli("serve", root, "--port", url.port);
  assert.equal(second.code, 1);
  assert.match(second.stderr, new RegExp(`cannot listen on 127.0.0.1:${url.port}: another server listens there`));
  assert.equal((await fetch(new URL("/v2/health/live", url))).status, 200);
  first.child.kill("SIGTERM");
  assert.equal((await first.ended).code, 0);
});

test("failed requests are logged with id, model, status and reason", async () => {
  const server = new ServeProcess("serve", root, "--port", "0");
  const url = await server.listening();
  const headers = { "x-request-id": "find-me" };
  await fetch(new URL("/predict/tiny", url), { method: "POST", body: "{", headers });
  const line = await server.logged(/^request failed/);
  assert.deepEqual(
    [line.requestId, line.model, line.status, line.code],
    ["find-me", "tiny/1", 400, "ERR_INVALID_JSON"],
  );
  assert.equal(line.level, "warn");
  server.child.kill("SIGTERM");
  await server.ended;
});

test("--control explicit starts with what is asked for, and loads and unloads by HTTP", async () => {
  const server = new ServeProcess("serve", root, "--port", "0", "--control", "explicit", "--load-model", "tiny");
  const url = await server.listening();
  const post = (path: string) => fetch(new URL(path, url), { method: "POST", body: "" });
  assert.deepEqual(await (await fetch(new URL("/v2/models", url))).json(), { models: ["tiny"] });
  assert.equal((await post("/v2/repository/models/slow/load")).status, 200);
  assert.equal((await post("/v2/repository/models/tiny/unload")).status, 200);
  assert.deepEqual(await (await fetch(new URL("/v2/models", url))).json(), { models: ["slow"] });
  await server.logged(/^unloaded tiny v1/);
  server.child.kill("SIGTERM");
  assert.equal((await server.ended).code, 0);
});

test("a process that is killed while it loads leaves a repository that the next one serves", async () => {
  const copy = makeRepository({ tiny: { versions: { 1: "mlp_tiny" } }, slow: { versions: { 1: "slow" } } });
  const words = ["serve", copy, "--port", "0", "--control", "explicit", "--load-model", "tiny"];
  const first = new ServeProcess(...words);
  const url = await first.listening();
  const sample = { inputs: { x: [[1, 2, 3, 4]], iterations: [[1_000_000]] } };
  const config = JSON.stringify({ warmup: { requests: [sample] } });
  const body = JSON.stringify({ parameters: { config } });
  const loading = fetch(new URL("/v2/repository/models/slow/load", url), { method: "POST", body });
  const index = async () => (await fetch(new URL("/v2/repository/index", url), { method: "POST" })).text();
  while (!(await index()).includes("LOADING")); // the load has begun
  assert.equal((await fetch(new URL("/predict/tiny", url), { method: "POST", body: tinyBody })).status, 200);
  first.child.kill("SIGKILL");
  await assert.rejects(loading);
  const second = new ServeProcess(...words.slice(0, -1), "*");
  const models = await (await fetch(new URL("/v2/models", await second.listening()))).json();
  assert.deepEqual(models, { models: ["slow", "tiny"] });
  second.child.kill("SIGTERM");
  assert.equal((await second.ended).code, 0);
  removeRepository(copy);
});

test("--control poll serves what is put into the directory", async () => {
  const empty = makeRepository({});
  const server = new ServeProcess("serve", empty, "--port", "0", "--control", "poll", "--poll-interval", "20");
  const url = await server.listening();
  cpSync(join(root, "tiny"), join(empty, "tiny"), { recursive: true });
  await server.logged(/^loaded tiny v1/);
  assert.equal((await fetch(new URL("/predict", url), { method: "POST", body: tinyBody })).status, 200);
  server.child.kill("SIGTERM");
  assert.equal((await server.ended).code, 0);
  removeRepository(empty);
});
