// SPDX-License-Identifier: Apache-2.0
// Two server processes that share results through one Redis.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { makeRepository, removeRepository } from "../server/real-server.js";
import { SocketClient } from "../server/socket-client.js";
import { RedisServer } from "../serving/redis-server.js";
import { runCli, ServeProcess } from "./serve-process.js";

let redis: RedisServer;
let root: string;
const servers: ServeProcess[] = [];
const urls: URL[] = [];

before(async () => {
  redis = await RedisServer.start();
  root = makeRepository({
    m: { versions: { 1: "slow_fixed" }, config: "cache: { shared: true }\n" },
    own: { versions: { 1: "slow_fixed" }, config: "cache: true\n" },
  });
});

after(async () => {
  for (const { child, ended } of servers) {
    child.kill("SIGKILL");
    await ended;
  }
  await redis.stop();
  removeRepository(root);
});

const flags = () => ["serve", root, "--port", "0", "--cache-redis", redis.url, "--cache-redis-budget", "1000"];

async function predict(url: URL | undefined, model: string, value: number) {
  const body = JSON.stringify({ instances: [[value, 1, 2, 3]] });
  const response = await fetch(new URL(`/predict/${model}`, url), { method: "POST", body });
  const { predictions } = (await response.json()) as { predictions: unknown };
  assert.deepEqual(predictions, [[value, 1, 2, 3]]);
  return response.headers.get("x-cache");
}

// biome-ignore lint/suspicious/noExplicitAny: whatever the server answers
async function stats(url: URL | undefined, model: string): Promise<any> {
  const answer = await (await fetch(new URL(`/v2/models/${model}/stats`, url))).json();
  return (answer as { model_stats: unknown[] }).model_stats[0];
}

// biome-ignore lint/suspicious/noExplicitAny: whatever the server answers
async function until(url: URL | undefined, holds: (cacheStats: any) => boolean): Promise<void> {
  const deadline = performance.now() + 30_000;
  for (;;) {
    const { cache_stats } = await stats(url, "m");
    if (holds(cache_stats)) return;
    assert.ok(performance.now() < deadline, `it never came to it: ${JSON.stringify(cache_stats)}`);
  }
}

function stored(url: URL | undefined, count: number): Promise<void> {
  return until(url, ({ shared }) => shared.stored >= count);
}

test("a server without the secret is not started", async () => {
  delete process.env.ORTSERVE_CACHE_SECRET;
  const { code, stderr } = await runCli(...flags());
  assert.equal(code, 2);
  assert.match(stderr, /ORTSERVE_CACHE_SECRET/);
});

test("what is no Redis is refused", async () => {
  process.env.ORTSERVE_CACHE_SECRET = "what both servers know";
  const { code, stderr } = await runCli("serve", root, "--port", "0", "--cache-redis", "http://:word@host");
  assert.equal(code, 2);
  assert.match(stderr, /redis:\/\//);
  assert.doesNotMatch(stderr, /word/);
});

test("two servers share a result", async () => {
  for (let i = 0; i < 2; i++) servers.push(new ServeProcess(...flags()));
  for (const server of servers) {
    urls.push(await server.listening());
    await server.logged(/^sharing cached results/);
  }
  const [first, second] = urls;
  assert.equal(await predict(first, "m", 1), "miss");
  await stored(first, 1);
  assert.equal(await predict(second, "m", 1), "hit");
  const { execution_count, cache_stats } = await stats(second, "m");
  assert.equal(execution_count, 0);
  assert.equal(cache_stats.hits, 1);
  assert.equal(cache_stats.shared.hits, 1);
});

test("over WebSocket, too", async () => {
  const [first, second] = urls;
  assert.equal(await predict(first, "m", 2), "miss");
  await stored(first, 2);
  const socket = await SocketClient.open(second?.origin ?? "", "/predict/m");
  socket.socket.send(JSON.stringify({ instances: [[2, 1, 2, 3]] }));
  assert.deepEqual(JSON.parse(String(await socket.next())).predictions, [[2, 1, 2, 3]]);
  socket.socket.close();
  assert.equal((await stats(second, "m")).execution_count, 0);
});

test("a model that does not share keeps its results to itself", async () => {
  const [first, second] = urls;
  assert.equal(await predict(first, "own", 1), "miss");
  assert.equal(await predict(second, "own", 1), "miss");
  assert.equal((await stats(second, "own")).cache_stats.shared.skipped, 0);
});

test("a flush on one server reaches the other", async () => {
  const [first, second] = urls;
  const response = await fetch(new URL("/v2/models/m/cache/flush", first), { method: "POST" });
  assert.deepEqual(await response.json(), { name: "m", versions: ["1"] });
  await until(second, ({ entries }) => entries === 0); // it learns of it with its next probe
  assert.equal(await predict(first, "m", 1), "miss"); // not before Redis knows of the flush: such results are not stored
  await stored(first, 3);
  const before = (await stats(second, "m")).cache_stats;
  assert.equal(await predict(second, "m", 1), "hit");
  assert.equal((await stats(second, "m")).cache_stats.shared.hits, before.shared.hits + 1, "the new result");
});
