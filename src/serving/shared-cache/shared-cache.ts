// SPDX-License-Identifier: Apache-2.0
// The second level of the prediction cache: results that several servers share in Redis. The core decides when to ask and for
// how long to wait; here is the talking. Nothing that goes wrong here is any request's failure.
import type { Redis } from "ioredis";
import { OrtserveError } from "../../errors.js";
import type { EngineOptions } from "../../runtime/engine.js";
import { SharedCachePort, type SharedCacheStore } from "../../runtime/shared-cache-port.js";
import { generationOf, newStamp, stamped, unstamped } from "./generations.js";
import { redisAddress, redisLink } from "./redis-link.js";

export interface SharedCacheOptions {
  /** redis://[USER:PASSWORD@]HOST[:PORT][/DB], rediss://... for TLS, or unix:///PATH. */
  url: string;
  /** What the servers that share results have in common, 16 characters or more: who lacks it can neither guess keys nor forge results. */
  secret: string;
  /** Longest time that a request waits for Redis, in ms. Default 5. */
  budgetMs?: number;
  /** Told when Redis begins to be used, and when it is left alone. */
  onEvent?: (event: SharedCacheEvent) => void;
  /** Options of the process-wide engine. */
  engine?: EngineOptions;
}

export type SharedCacheEvent =
  | { kind: "up"; address: string; roundTripMs: number }
  | { kind: "down"; address: string; reason: string };

/** Begins the name of everything in Redis; the number is the version of what is stored. */
const prefix = "ortserve:1:";
const shortestSecret = 16;
const probeMs = 1_000;
/** Probes without an answer until the connection is made anew. */
const mostMissed = 5;
/** Redis keeps what has no limit of its own for so long. */
const longestMs = 24 * 3_600_000;
const generationSeconds = 30 * 24 * 3_600;

export class SharedCache implements SharedCacheStore {
  readonly address: string;
  readonly #redis: Redis;
  readonly #budgetMs: number;
  readonly #onEvent: (event: SharedCacheEvent) => void;
  readonly #port: SharedCachePort;
  readonly #timer: NodeJS.Timeout;
  /** The last generation seen, by digest; 0: there was none. */
  readonly #generations = new Map<string, number>();
  /** Flushes that Redis does not know of yet. */
  readonly #unflushed = new Set<string>();
  #roundTripMs = 0;
  #missed = 0;
  #wasUp = false;
  #reason = "no answer yet";
  #closed = false;

  private constructor(redis: Redis, options: SharedCacheOptions) {
    this.address = redisAddress(options.url);
    this.#redis = redis;
    this.#budgetMs = options.budgetMs ?? 5;
    this.#onEvent = options.onEvent ?? (() => {});
    this.#port = SharedCachePort.open(options.secret, this.#budgetMs, this, options.engine);
    this.#timer = setInterval(() => this.#tick(), probeMs);
    this.#timer.unref();
    redis.on("connect", () => unref(redis));
    redis.on("ready", () => this.#tick());
    redis.on("error", (error: Error) => this.#lost(error.message));
    redis.on("close", () => this.#lost("the connection was closed"));
    redis.connect().catch((error: Error) => this.#lost(error.message));
  }

  /**
   * Opens the process's shared cache; models loaded from now on use it where their options say so. Does not wait for Redis:
   * as long as it is not there, models run. @throws OrtserveError ERR_INVALID_ARGUMENT
   */
  static async open(options: SharedCacheOptions): Promise<SharedCache> {
    const { secret, budgetMs = 5 } = options;
    if (typeof secret !== "string" || secret.length < shortestSecret) {
      throw new OrtserveError(
        "ERR_INVALID_ARGUMENT",
        `expected a secret of at least ${shortestSecret} characters, the same on every server that shares results`,
      );
    }
    if (!(budgetMs >= 0.1 && budgetMs <= 1000)) {
      throw new OrtserveError("ERR_INVALID_ARGUMENT", `budgetMs: expected 0.1 to 1000, got ${budgetMs}`);
    }
    const redis = await redisLink(options.url);
    return new SharedCache(redis, options);
  }

  /** Whether Redis is in use; false also while it is too slow. */
  get up(): boolean {
    return !this.#closed && this.#port.up;
  }

  /** Ends the use of Redis. Models go on without. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#timer);
    this.#port.close();
    this.#redis.disconnect();
  }

  /** @internal */
  lookup(ticket: number, key: string, wantsTtl: boolean): void {
    const digest = digestOf(key);
    if (this.#unflushed.has(digest)) {
      this.#port.answer(ticket, 0);
      return;
    }
    this.#ask(ticket, key, digest, wantsTtl).catch((error: Error) => {
      this.#reason = error.message;
      if (!this.#closed) this.#port.failed(ticket);
    });
  }

  async #ask(ticket: number, key: string, digest: string, wantsTtl: boolean): Promise<void> {
    const name = prefix + key;
    // In one turn of the loop, so that they leave, and come back, together.
    const [[stamp, bytes], ttlMs] = await Promise.all([
      this.#redis.mgetBuffer(generationName(digest), name),
      wantsTtl ? this.#redis.pttl(name) : 0,
    ]);
    const generation = generationOf(stamp) || (await this.#begin(digest));
    if (this.#closed) return;
    this.#saw(digest, generation);
    const value = unstamped(generation, bytes);
    if (value === undefined || (wantsTtl && ttlMs <= 0)) this.#port.answer(ticket, generation);
    else this.#port.answer(ticket, generation, value, ttlMs);
  }

  /** A model's first generation in this Redis; that of the server which was first. */
  async #begin(digest: string): Promise<number> {
    const name = generationName(digest);
    const [, stamp] = await Promise.all([
      this.#redis.set(name, newStamp(), "EX", generationSeconds, "NX"),
      this.#redis.getBuffer(name),
    ]);
    return generationOf(stamp);
  }

  /** Another server has flushed: what this process holds is as old. */
  #saw(digest: string, generation: number): void {
    const known = this.#generations.get(digest);
    if (known === generation) return;
    this.#generations.set(digest, generation);
    if (known !== undefined && known !== 0) this.#port.forget(digest);
  }

  /** As {@link #saw}, of a model that this server may never have asked Redis about. `generation` 0: Redis has none. */
  #heard(digest: string, generation: number): void {
    const known = this.#generations.get(digest);
    if (known === generation || (known !== undefined && generation === 0)) return;
    this.#generations.set(digest, generation);
    if (generation !== 0) this.#port.forget(digest);
  }

  /** @internal */
  store(ticket: number, key: string, value: Uint8Array, generation: number, ttlMs: number): void {
    const lifetime = Math.max(1, Math.ceil(ttlMs > 0 ? ttlMs : longestMs));
    const done = (ok: boolean) => {
      if (!this.#closed) this.#port.stored(ticket, ok);
    };
    this.#redis.set(prefix + key, stamped(generation, value), "PX", lifetime).then(
      () => done(true),
      () => done(false),
    );
  }

  /** @internal */
  flush(digest: string): void {
    this.#unflushed.add(digest);
    this.#sendFlush(digest);
  }

  #sendFlush(digest: string): void {
    const stamp = newStamp();
    this.#redis.set(generationName(digest), stamp, "EX", generationSeconds).then(
      () => {
        this.#generations.set(digest, generationOf(stamp));
        this.#unflushed.delete(digest);
      },
      () => {}, // tried again with the next probe that is answered
    );
  }

  #tick(): void {
    if (this.#redis.status === "ready") {
      if (this.#missed === 0) void this.#probe();
      else if (this.#missed >= mostMissed) this.#redis.disconnect(true);
      if (this.#missed > 0) this.#missed++;
    }
    this.#report();
  }

  /** Measures the round trip, and learns of flushes by other servers. */
  async #probe(): Promise<void> {
    const digests = [...new Set([...this.#generations.keys(), ...SharedCachePort.digests])];
    const startedAt = performance.now();
    this.#missed = 1;
    try {
      const stamps = digests.length > 0 ? await this.#redis.mgetBuffer(...digests.map(generationName)) : [];
      if (digests.length === 0) await this.#redis.ping();
      this.#missed = 0;
      if (this.#closed) return;
      this.#measured(performance.now() - startedAt);
      for (const [index, digest] of digests.entries()) {
        this.#heard(digest, generationOf(stamps[index]));
      }
      for (const digest of this.#unflushed) this.#sendFlush(digest);
    } catch (error) {
      this.#missed = 0;
      this.#lost((error as Error).message);
    }
  }

  #measured(elapsedMs: number): void {
    if (elapsedMs > this.#budgetMs) {
      this.#lost(`an answer took ${elapsedMs.toFixed(1)} ms`);
      return;
    }
    this.#roundTripMs = this.#wasUp ? 0.75 * this.#roundTripMs + 0.25 * elapsedMs : elapsedMs;
    this.#reason = `no answer within ${this.#budgetMs} ms, several times in a row`;
    this.#port.ready(this.#roundTripMs);
    this.#report();
  }

  #lost(reason: string): void {
    if (this.#closed) return;
    this.#reason = reason;
    this.#port.down();
    this.#report();
  }

  #report(): void {
    const { address } = this;
    const up = this.up;
    if (up === this.#wasUp || this.#closed) return;
    this.#wasUp = up;
    if (up) this.#onEvent({ kind: "up", address, roundTripMs: this.#roundTripMs });
    else this.#onEvent({ kind: "down", address, reason: this.#reason });
  }
}

function digestOf(key: string): string {
  return key.slice(0, key.indexOf(":"));
}

function generationName(digest: string): string {
  return `${prefix}${digest}:generation`;
}

/** A cache does not keep a process alive. */
function unref(redis: Redis): void {
  (redis as unknown as { stream?: { unref?(): void } }).stream?.unref?.();
}
