// SPDX-License-Identifier: Apache-2.0
// The core's side of the second cache level, for whoever talks to the store.
import type { NativeBinding } from "../native/binding.js";
import { type EngineOptions, engineBinding } from "./engine.js";
import { nativeError } from "./native-error.js";

/** What the core asks of a store. Keys are "DIGEST:REQUEST", 32 hexadecimal digits each. */
export interface SharedCacheStore {
  /** Ends with {@link SharedCachePort.answer}. */
  lookup(ticket: number, key: string, wantsTtl: boolean): void;
  /** Ends with {@link SharedCachePort.stored}. `ttlMs` 0: no limit. The value may be kept. */
  store(ticket: number, key: string, value: Uint8Array, generation: number, ttlMs: number): void;
  /** Nothing that is stored for the digest counts any more. */
  flush(digest: string): void;
}

/** Of the models that this thread has loaded to share their results, and how many of them. */
const sharing = new Map<string, number>();

export class SharedCachePort {
  readonly #binding: NativeBinding;

  private constructor(binding: NativeBinding) {
    this.#binding = binding;
  }

  /** One per process. Down until {@link ready}. Throws ERR_INVALID_ARGUMENT when there is one. */
  static open(secret: string, budgetMs: number, store: SharedCacheStore, engine?: EngineOptions): SharedCachePort {
    const binding = engineBinding(engine);
    try {
      binding.openSharedCache(
        secret,
        Math.round(budgetMs * 1000),
        (ticket, key, wantsTtl) => store.lookup(ticket, key, wantsTtl),
        (ticket, key, value, generation, ttlMicros) =>
          store.store(ticket, key, new Uint8Array(value), generation, ttlMicros / 1000),
        (digest) => store.flush(digest),
      );
    } catch (error) {
      throw nativeError(error);
    }
    return new SharedCachePort(binding);
  }

  /** Digests of the loaded models whose results are shared. Flushes of them by other servers matter here, looked up or not. */
  static get digests(): Iterable<string> {
    return sharing.keys();
  }

  /** Of a model's `sharedDigest`; "" for one that shares nothing. */
  static loaded(digest: string): void {
    if (digest !== "") sharing.set(digest, (sharing.get(digest) ?? 0) + 1);
  }

  /** Of one for which {@link loaded} was called. */
  static closed(digest: string): void {
    const others = (sharing.get(digest) ?? 0) - 1;
    if (others > 0) sharing.set(digest, others);
    else sharing.delete(digest);
  }

  /** `value` undefined: absent. A lookup that is over already is ignored. */
  answer(ticket: number, generation: number, value?: Uint8Array, ttlMs = 0): void {
    this.#binding.answerLookup(ticket, true, generation, value, ttlMs * 1000);
  }

  failed(ticket: number): void {
    this.#binding.answerLookup(ticket, false, 0, undefined, 0);
  }

  stored(ticket: number, ok: boolean): void {
    this.#binding.answerStore(ticket, ok);
  }

  ready(roundTripMs: number): void {
    this.#binding.sharedCacheReady(roundTripMs * 1000);
  }

  down(): void {
    this.#binding.sharedCacheDown();
  }

  /** False also when the core has found the store silent. */
  get up(): boolean {
    return this.#binding.sharedCacheUp();
  }

  /** Forgets what this process holds of the models with this digest. */
  forget(digest: string): void {
    this.#binding.flushShared(digest);
  }

  close(): void {
    this.#binding.closeSharedCache();
  }
}
