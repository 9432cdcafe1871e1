// SPDX-License-Identifier: Apache-2.0
// The part of the addon's surface that is about the second level of the prediction cache.

export interface NativeSharedCache {
  /**
   * Opens the second cache level of the process; this thread then answers for its store. `secret`: what the servers that
   * share results have in common. `key`: the model's digest and the request's, 32 hexadecimal digits each, with ':' between.
   * `onLookup` ends with answerLookup(), `onStore` with answerStore(); `ttlMicros` 0: no limit. Down until the first
   * sharedCacheReady(). Throws ERR_INVALID_ARGUMENT when there is one already.
   */
  openSharedCache(
    secret: string,
    budgetMicros: number,
    onLookup: (ticket: number, key: string, wantsTtl: boolean) => void,
    onStore: (ticket: number, key: string, value: ArrayBuffer, generation: number, ttlMicros: number) => void,
    onFlush: (digest: string) => void,
  ): void;
  closeSharedCache(): void;
  /** `generation`: the one in force, 0 when it is not known; `value` undefined: absent. Late answers are ignored. */
  answerLookup(ticket: number, ok: boolean, generation: number, value: Uint8Array | undefined, ttlMicros: number): void;
  answerStore(ticket: number, ok: boolean): void;
  /** The store answers, in about so long. */
  sharedCacheReady(roundTripMicros: number): void;
  /** It does not: nothing is asked until it is ready again. */
  sharedCacheDown(): void;
  /** False also when the core has found it silent, or failing. */
  sharedCacheUp(): boolean;
  /** Forgets what this process holds of the models with this digest. */
  flushShared(digest: string): void;
}
