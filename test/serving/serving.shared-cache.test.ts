// SPDX-License-Identifier: Apache-2.0
// The second level of the prediction cache, over a real Redis that fails in every way it can. Each model here is a load of its
// own with an empty first level, so one process stands for many servers; two real ones are in cli.shared-cache.
import assert from "node:assert/strict";
import { once } from "node:events";
import { afterEach, test } from "node:test";
import { Model, SharedCache, type SharedCacheEvent, type SharedCacheOptions } from "../../src/index.js";
import { newStamp } from "../../src/serving/shared-cache/generations.js";
import { modelPath } from "../models/make.mjs";
import { RedisServer } from "./redis-server.js";

const secret = "a secret that all of them know";
/** Values that were stored; not the generations. */
const values = /^ortserve:1:[0-9a-f]{32}:[0-9a-f]{32}$/;

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function startRedis(...more: string[]): Promise<RedisServer> {
  const redis = await RedisServer.start(...more);
  cleanups.push(() => redis.stop());
  return redis;
}

class Events {
  readonly seen: SharedCacheEvent[] = [];
  readonly #changed = new EventTarget();
  add(event: SharedCacheEvent): void {
    this.seen.push(event);
    this.#changed.dispatchEvent(new Event("change"));
  }
  /** Waits for as many events of the kind. */
  async next(kind: SharedCacheEvent["kind"], count = 1): Promise<void> {
    while (this.seen.filter((event) => event.kind === kind).length < count) {
      await once(this.#changed, "change");
    }
  }
}

/** Long enough for a busy machine, unless the test is about being late. */
async function openCache(url: string, options: Partial<SharedCacheOptions> = {}) {
  const events = new Events();
  const cache = await SharedCache.open({
    url,
    secret,
    budgetMs: 1000,
    onEvent: (event) => events.add(event),
    ...options,
  });
  cleanups.push(() => cache.close());
  return { cache, events };
}

/** 75 ms and more per run, so that asking is always worth it. */
async function loadModel(cache: { ttlMs?: number } = {}): Promise<Model> {
  const model = await Model.load(modelPath("slow_fixed"), { cache: { shared: true, ...cache } });
  cleanups.push(() => model.close());
  return model;
}

async function check(model: Model, value: number): Promise<void> {
  const { y } = await model.predict(Float32Array.of(value, 1, 2, 3));
  assert.deepEqual(y?.data, Float32Array.of(value, 1, 2, 3));
}

const sharedOf = (model: Model) => model.stats().cache.shared;

/** Looks until it holds: what is stored behind the caller's back has no event. */
async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setImmediate(resolve));
}

/** A shared cache that is up, and its Redis. */
async function connected(options: Partial<SharedCacheOptions> = {}) {
  const redis = await startRedis();
  const opened = await openCache(redis.url, options);
  await opened.events.next("up");
  return { redis, ...opened };
}

/** A model of which the result for 1 is in Redis, stored by itself. */
async function storedByAModel(cache?: Parameters<typeof loadModel>[0]): Promise<Model> {
  const model = await loadModel(cache);
  await check(model, 1);
  await until(() => sharedOf(model).stored === 1);
  return model;
}

function expectAddsUp(model: Model, requests: number): void {
  const { hits, misses, joins, bypasses } = model.stats().cache;
  assert.equal(hits + misses + joins + bypasses, requests);
}

test("wrong options are refused, and say nothing of a password", async () => {
  const wrong = (options: Partial<SharedCacheOptions>) =>
    SharedCache.open({ url: "redis://127.0.0.1", secret, ...options });
  const code = "ERR_INVALID_ARGUMENT";
  await assert.rejects(wrong({ secret: "short" }), { code, message: /at least 16/ });
  await assert.rejects(wrong({ budgetMs: 0 }), { code, message: /budgetMs/ });
  await assert.rejects(wrong({ url: "http://:hunter2@host" }), (error: Error) => !error.message.includes("hunter2"));
});

test("there is one shared cache per process, and another after it was closed", async () => {
  const redis = await startRedis();
  const { cache } = await openCache(redis.url);
  await assert.rejects(SharedCache.open({ url: redis.url, secret }), { code: "ERR_INVALID_ARGUMENT" });
  cache.close();
  cache.close();
  const { events } = await openCache(redis.url);
  await events.next("up");
});

test("without Redis, models run", async () => {
  await openCache("unix:///nowhere/redis.sock");
  const model = await loadModel();
  await check(model, 1);
  await check(model, 1);
  const { cache } = model.stats();
  assert.equal(cache.hits, 1, "the first level does not need Redis");
  assert.equal(cache.shared.skipped, 1);
});

test("with a wrong password, models run", async () => {
  const redis = await startRedis("--requirepass", "right");
  const { cache, events } = await openCache(redis.url);
  const model = await loadModel();
  for (const value of [1, 2, 3]) await check(model, value);
  assert.equal(cache.up, false);
  assert.deepEqual(events.seen, []);
  assert.equal(sharedOf(model).skipped, 3);
});

test("a result that one load stored answers another", async () => {
  await connected();
  const first = await storedByAModel();
  const second = await loadModel();
  assert.equal(second.metadata.sharedDigest, first.metadata.sharedDigest);
  await check(second, 1);
  await check(second, 1);
  assert.equal(second.stats().executions, 0);
  assert.equal(sharedOf(second).hits, 1);
  assert.equal(second.stats().cache.hits, 2);
  expectAddsUp(second, 2);
});

test("values that are garbage, or gone, are run again", async () => {
  const { redis } = await connected();
  await storedByAModel();
  const keys = await redis.use((client) => client.keys("*"));
  const [value] = keys.filter((key) => values.test(key));
  assert.ok(value, `got ${keys.join(", ")}`);

  const stored = await redis.use((client) => client.getBuffer(value));
  for (const garbage of ["", "garbage", Buffer.concat([stored ?? Buffer.alloc(0), Buffer.alloc(1)])]) {
    await redis.use((client) => client.set(value, garbage));
    const other = await storedByAModel(); // and mends it
    assert.equal(other.stats().executions, 1);
  }
  await redis.use((client) => client.del(value));
  const evicted = await storedByAModel();
  assert.equal(sharedOf(evicted).misses, 1);

  await redis.use((client) => client.del(`${value.slice(0, value.lastIndexOf(":"))}:generation`));
  const forgotten = await loadModel();
  await check(forgotten, 1);
  assert.equal(forgotten.stats().executions, 1, "what was stored before the generation was lost does not count");
});

test("a flush is known to other loads, and what was stored before it does not count", async () => {
  await connected();
  const first = await storedByAModel();
  const second = await loadModel();
  await check(second, 1);
  first.flushCache();
  const third = await loadModel();
  await check(third, 1);
  assert.equal(third.stats().executions, 1);
  await check(first, 1);
  assert.equal(first.stats().executions + sharedOf(first).hits, 2, "its own first level is empty, too");
});

test("a flush reaches what was never looked up in Redis", async () => {
  const { redis } = await connected();
  const quick = await Model.load(modelPath("mlp_tiny"), { cache: { shared: true } }); // a run costs less than asking
  cleanups.push(() => quick.close());
  const row = Float32Array.of(1, 2, 3, 4);
  await quick.predict(row);
  await quick.predict(row);
  assert.equal(quick.stats().cache.hits, 1);
  assert.equal(sharedOf(quick)?.hits ?? 0, 0);
  const generation = `ortserve:1:${quick.native.info.sharedDigest}:generation`;
  await redis.use((client) => client.set(generation, newStamp())); // as another server's flush does
  await until(async () => {
    const { misses } = quick.stats().cache;
    await quick.predict(row);
    return quick.stats().cache.misses > misses;
  });
});

test("shared results do not outlive their time", async () => {
  const { redis } = await connected();
  await storedByAModel({ ttlMs: 60_000 });
  const [value] = (await redis.use((client) => client.keys("*"))).filter((key) => values.test(key));
  const left = await redis.use((client) => client.pttl(value ?? ""));
  assert.ok(left > 0 && left <= 60_000, `${left} ms`);
  await redis.use((client) => client.pexpire(value ?? "", 1));
  await until(() => redis.use(async (client) => (await client.exists(value ?? "")) === 0));
  const second = await loadModel({ ttlMs: 60_000 });
  await check(second, 1);
  assert.equal(second.stats().executions, 1);
});

test("a Redis that hangs costs a few budgets, is left alone, and comes back", async () => {
  const { redis, cache, events } = await connected({ budgetMs: 200 });
  const model = await loadModel();
  await check(model, 0);
  redis.signal("SIGSTOP");
  const down = events.next("down");
  for (let value = 1; cache.up || value < 9; value++) await check(model, value);
  await down;
  const before = sharedOf(model);
  for (let value = 100; value < 103; value++) await check(model, value);
  const after = sharedOf(model);
  assert.equal(after.timeouts, before.timeouts, "nobody waits for it any more");
  assert.equal(after.skipped, before.skipped + 3);
  const ups = events.seen.filter(({ kind }) => kind === "up").length;
  redis.signal("SIGCONT");
  await events.next("up", ups + 1);
  await check(model, 200);
});

test("a Redis that is killed under traffic fails nobody, and comes back", async () => {
  const { redis, events } = await connected();
  const model = await loadModel();
  const traffic = Promise.all(Array.from({ length: 12 }, (_, value) => check(model, value)));
  await redis.kill();
  await traffic;
  await events.next("down");
  await check(model, 50);
  await redis.start();
  await events.next("up", 2);
  const { stored } = sharedOf(model);
  await check(model, 51);
  await until(() => sharedOf(model).stored > stored);
  expectAddsUp(model, 14);
});

test("a model is closed while Redis hangs", async () => {
  const { redis } = await connected();
  const model = await loadModel();
  redis.signal("SIGSTOP");
  const waiting = check(model, 1);
  await model.close();
  await waiting;
});
