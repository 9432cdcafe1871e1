// SPDX-License-Identifier: Apache-2.0
// The prediction cache as clients see it: x-cache, Cache-Control, and statistics that add up.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Model } from "../../src/index.js";
import type { OrtServer } from "../../src/server/index.js";
import { modelPath } from "../models/make.mjs";
import { startRealServer } from "./real-server.js";
import { SocketClient } from "./socket-client.js";

let server: OrtServer;

before(async () => {
  server = await startRealServer({
    cached: { versions: { 1: "mlp_tiny" }, config: "cache: true\n" },
    short: { versions: { 1: "mlp_tiny" }, config: "cache: { ttl_ms: 1 }\n" },
    slow: { versions: { 1: "slow_fixed" }, config: "cache: { max_bytes: 1000000 }\n" },
    wide: { versions: { 1: "wide_output" }, config: "cache: true\n" },
    failing: { versions: { 1: "failing" }, config: "cache: true\n" },
    noise: { versions: { 1: "noise" }, config: "cache: true\n" },
    brief: { versions: { 1: "noise" }, config: "cache: { ttl_ms: 50 }\n" },
    plain: { versions: { 1: "mlp_tiny" } },
  });
});

after(() => server.close());

async function predict(model: string, body: string, headers: Record<string, string> = {}) {
  const response = await fetch(`${server.url}/predict/${model}`, { method: "POST", body, headers });
  return { status: response.status, cache: response.headers.get("x-cache"), text: await response.text() };
}

// biome-ignore lint/suspicious/noExplicitAny: whatever the server answers
async function cacheStats(model: string): Promise<any> {
  const answer = await (await fetch(`${server.url}/v2/models/${model}/stats`)).json();
  return (answer as { model_stats: { cache_stats: unknown }[] }).model_stats[0]?.cache_stats;
}

test("a malformed request never reaches the cache", async () => {
  const { status, cache } = await predict("cached", '{"instances": [[1, 2]]}');
  assert.equal(status, 400);
  assert.equal(cache, null);
});

test("an error that the model gave says that the model was asked", async () => {
  const { status, cache } = await predict("failing", '{"instances": [[99]]}');
  assert.deepEqual([status, cache], [400, "miss"]);
});

test("a flush of a model that is not there is an error", async () => {
  for (const path of ["nothing", "cached/versions/7"]) {
    const response = await fetch(`${server.url}/v2/models/${path}/cache/flush`, { method: "POST" });
    assert.ok(response.status >= 400 && response.status < 500);
    assert.match(((await response.json()) as { error: string }).error, /unknown model/);
  }
  assert.equal((await fetch(`${server.url}/v2/models/cached/cache/flush`)).status, 405);
});

test("two spellings of one input are one entry", async () => {
  const miss = await predict("cached", '{"instances": [[1, 2, 3, 4]]}');
  const hit = await predict("cached", '{ "instances" : [ [1.0, 2e0, 3.000, 40e-1] ] }');
  assert.equal(miss.cache, "miss");
  assert.equal(hit.cache, "hit");
  assert.equal(hit.text, miss.text);
  assert.equal((await predict("cached", '{"instances": [[1, 2, 3, 4.5]]}')).cache, "miss");
});

test("the wire formats share their results", async () => {
  await predict("cached", '{"instances": [[7, 7, 7, 7]]}');
  const inputs = [{ name: "x", shape: [1, 4], datatype: "FP32", data: [7, 7, 7, 7] }];
  const url = `${server.url}/v2/models/cached`;
  const { inputs: specs } = (await (await fetch(url)).json()) as { inputs: { name: string }[] };
  const named = inputs.map((input) => ({ ...input, name: specs[0]?.name }));
  const response = await fetch(`${url}/infer`, { method: "POST", body: JSON.stringify({ inputs: named }) });
  assert.equal(response.headers.get("x-cache"), "hit");
});

test("Cache-Control is honoured", async () => {
  const body = '{"instances": [[5, 5, 5, 5]]}';
  assert.equal((await predict("cached", body, { "cache-control": "no-store" })).cache, "bypass");
  assert.equal((await predict("cached", body)).cache, "miss", "no-store has stored nothing");
  assert.equal((await predict("cached", body, { "cache-control": "no-cache" })).cache, "miss");
  assert.equal((await predict("cached", body)).cache, "hit");
});

test("results grow old", async () => {
  const body = '{"instances": [[1, 1, 1, 1]]}';
  await predict("short", body);
  let again = await predict("short", body);
  while (again.cache === "hit") again = await predict("short", body);
  assert.equal(again.cache, "miss");
});

test("a flush forgets", async () => {
  const body = '{"instances": [[6, 6, 6, 6]]}';
  for (const path of ["cached", "cached/versions/1"]) {
    await predict("cached", body);
    assert.equal((await predict("cached", body)).cache, "hit");
    const response = await fetch(`${server.url}/v2/models/${path}/cache/flush`, { method: "POST" });
    assert.deepEqual(await response.json(), { name: "cached", versions: ["1"] });
    assert.equal((await cacheStats("cached")).entries, 0);
    assert.equal((await predict("cached", body)).cache, "miss");
  }
});

test("messages of a WebSocket use the cache", async () => {
  const before = await cacheStats("cached");
  const socket = await SocketClient.open(server.url, "/predict/cached");
  for (let i = 0; i < 3; i++) socket.socket.send('{"instances": [[8, 8, 8, 8]]}');
  const answers = [await socket.next(), await socket.next(), await socket.next()].map(String);
  socket.socket.close();
  assert.equal(new Set(answers).size, 1);
  const { misses, hits, joins } = await cacheStats("cached");
  assert.equal(misses, before.misses + 1);
  assert.equal(hits + joins, before.hits + before.joins + 2);
});

/** The text that `times` requests of one body got, all of them hits. */
async function hits(model: string, body: string, times: number): Promise<string> {
  const answers = [];
  for (let i = 0; i < times; i++) answers.push(await predict(model, body));
  assert.deepEqual(new Set(answers.map(({ status, cache }) => `${status} ${cache}`)), new Set(["200 hit"]));
  const texts = new Set(answers.map((answer) => answer.text));
  assert.equal(texts.size, 1);
  return [...texts].join();
}

test("a body that comes over and over gets the same bytes, and every time is a hit", async () => {
  const body = '{"instances": [[0.5, 1, 2, 4]]}';
  const first = await predict("noise", body);
  const before = await cacheStats("noise");
  assert.equal(await hits("noise", body, 8), first.text);
  const after = await cacheStats("noise");
  assert.equal(after.hits, before.hits + 8);
  assert.equal(after.misses, before.misses);
});

test("a body that came over and over gets the result of a refresh, a flush, a bypass", async () => {
  const body = '{"instances": [[0.25, 1, 2, 4]]}';
  const first = await predict("noise", body);
  await hits("noise", body, 4);
  assert.notEqual((await predict("noise", body, { "cache-control": "no-store" })).text, first.text);
  assert.equal(await hits("noise", body, 1), first.text);
  const refreshed = await predict("noise", body, { "cache-control": "no-cache" });
  assert.notEqual(refreshed.text, first.text);
  assert.equal(await hits("noise", body, 4), refreshed.text);
  await fetch(`${server.url}/v2/models/noise/cache/flush`, { method: "POST" });
  const flushed = await predict("noise", body);
  assert.equal(flushed.cache, "miss");
  assert.notEqual(flushed.text, refreshed.text);
  assert.equal(await hits("noise", body, 4), flushed.text);
});

test("a body that comes over and over is answered anew when its result is too old", async () => {
  const body = '{"instances": [[0.5, 1, 2, 4]]}';
  const first = await predict("brief", body);
  let again = await predict("brief", body);
  while (again.cache === "hit") {
    assert.equal(again.text, first.text);
    again = await predict("brief", body);
  }
  assert.equal(again.cache, "miss");
  assert.notEqual(again.text, first.text);
});

test("a body that comes over and over means what its route and its headers make of it", async () => {
  const body = '{"inputs": [0.75, 1, 2, 4]}';
  const { text } = await predict("noise", body);
  await hits("noise", body, 4);
  const url = `${server.url}/v1/models/noise:predict`;
  const told: string[] = [];
  for (let i = 0; i < 4; i++) told.push(await (await fetch(url, { method: "POST", body })).text());
  assert.deepEqual(Object.keys(JSON.parse(told[0] as string)), ["outputs"]);
  assert.equal(new Set(told).size, 1);
  assert.equal(await hits("noise", body, 1), text);
  const size = { "inference-header-content-length": "3" };
  assert.equal((await predict("noise", body, size)).status, 400);
});

test("each message of a WebSocket that comes over and over gets the reply with its id", async () => {
  const socket = await SocketClient.open(server.url, "/predict/noise");
  const texts: string[] = [];
  for (let i = 0; i < 12; i++) {
    socket.socket.send(`{"id": "${i % 2}", "instances": [[0.125, 1, 2, 4]]}`);
    texts.push(String(await socket.next()));
  }
  socket.socket.close();
  texts.forEach((text, i) => {
    assert.equal(JSON.parse(text).id, String(i % 2));
    assert.equal(text, texts[i % 2]);
  });
});

test("a large result is a hit of the same bytes", async () => {
  const body = '{"instances": [[1]]}';
  const miss = await predict("wide", body);
  const hit = await predict("wide", body);
  assert.equal(miss.cache, "miss");
  assert.equal(hit.cache, "hit");
  assert.ok(hit.text === miss.text && hit.text.length > 500_000);
});

test("a model without a cache says nothing of one", async () => {
  assert.equal((await predict("plain", '{"instances": [[1, 2, 3, 4]]}')).cache, null);
});

test("identical requests in flight run once", async () => {
  const { inputs } = (await (await fetch(`${server.url}/v2/models/slow`)).json()) as { inputs: { shape: number[] }[] };
  const row = Array(inputs[0]?.shape[1] ?? 1).fill(0.5);
  const body = JSON.stringify({ instances: [row] });
  const answers = await Promise.all(Array.from({ length: 12 }, () => predict("slow", body)));
  const outcomes = answers.map((answer) => answer.cache).sort();
  assert.deepEqual(new Set(answers.map((answer) => answer.text)).size, 1);
  assert.equal(outcomes.filter((outcome) => outcome === "miss").length, 1);
  assert.ok(outcomes.includes("join"), `got ${outcomes.join(", ")}`);
});

test("embedded calls use the cache, and its counters add up", async () => {
  const model = await Model.load(modelPath("mlp_tiny"), { cache: true });
  const call = (value: number, cache: "use" | "refresh" | "bypass" = "use") =>
    model.predict(Float32Array.of(value, 0, 0, 0), { cache });
  const first = await call(1);
  assert.deepEqual(await call(1), first);
  await call(1, "refresh");
  await call(1, "bypass");
  await Promise.all([call(2), call(2), call(3)]);
  model.flushCache();
  await call(1);
  const { cache, requests } = model.stats();
  assert.equal(cache.hits + cache.misses + cache.joins + cache.bypasses, 8);
  assert.equal(cache.bypasses, 1);
  assert.equal(cache.entries, 1);
  assert.equal(requests, cache.misses + cache.bypasses, "only these ran");
  await model.close();
  assert.equal(model.stats().cache.entries, 0);
});

test("wrong cache options are refused", async () => {
  const load = (cache: unknown) => Model.load(modelPath("mlp_tiny"), { cache: cache as boolean });
  await assert.rejects(load("yes"), { code: "ERR_INVALID_ARGUMENT" });
  await assert.rejects(load({ ttl: 1 }), { code: "ERR_INVALID_ARGUMENT", message: /did you mean 'ttlMs'/ });
});
