// SPDX-License-Identifier: Apache-2.0
// What the addon tells of a model's work so far.

export interface NativeDuration {
  readonly count: number;
  /** Total. */
  readonly nanoseconds: number;
}

/** Results of one model in the prediction cache: calls, results and bytes. */
export interface NativeCacheStats {
  readonly hits: number;
  readonly misses: number;
  /** Answered by the run of an identical request in flight. */
  readonly joins: number;
  readonly bypasses: number;
  readonly inserted: number;
  /** Dropped to make room. */
  readonly evicted: number;
  /** Found, and too old. */
  readonly expired: number;
  /** Not kept: larger than the model's share of one shard. */
  readonly tooLarge: number;
  readonly entries: number;
  readonly bytes: number;
  /** The second level. Its hits are among `hits` above. */
  readonly shared: NativeSharedStats;
}

/** One model's dealings with the second level of the cache: calls. */
export interface NativeSharedStats {
  readonly hits: number;
  readonly misses: number;
  /** Lookups that were not answered within the budget. */
  readonly timeouts: number;
  /** Lookups and stores that failed, and values that could not be read. */
  readonly errors: number;
  /** Not asked: the store is down, the deadline near, or a run cheaper than asking. */
  readonly skipped: number;
  readonly stored: number;
  /** Not stored: too large, or too much was waiting to be stored. */
  readonly dropped: number;
}

/** Batches formed, by the reason for their size. Requests that ran on the calling thread are in `ranInline` instead. */
export interface NativeBatchCuts {
  /** The cap: not another request of this shape fitted. */
  readonly full: number;
  /** An even share of what was there: the rest was left to the other instances. */
  readonly share: number;
  /** A preferred size was there, or as many rows as a delay waits for. */
  readonly preferred: number;
  /** The oldest request had waited `maxDelayMs`. */
  readonly delay: number;
  /** Waiting longer would have cost a request its deadline. */
  readonly deadline: number;
  /** Everything of this shape was taken; requests of other shapes stayed behind. */
  readonly shape: number;
  /** Everything was taken, because there was a free instance to run it. */
  readonly instanceFree: number;
}

export interface NativeBatchStats {
  readonly rows: number;
  readonly count: number;
  readonly computeInput: NativeDuration;
  readonly computeInfer: NativeDuration;
  readonly computeOutput: NativeDuration;
}

export interface NativeModelStats {
  readonly requests: number;
  readonly rows: number;
  readonly executions: number;
  /** From the call until the answer was ready to leave; those that the cache answered are among them. */
  readonly success: NativeDuration;
  /** Of requests that ran, or that joined one that did. */
  readonly fail: NativeDuration;
  /** From the body, or the JavaScript values, to tensors. */
  readonly decode: NativeDuration;
  /** Those that the cache answered are among them. */
  readonly queue: NativeDuration;
  /** Gathering a batch's rows and handing them to ONNX Runtime. Each of its requests counts all of the batch's time. */
  readonly computeInput: NativeDuration;
  /** The model's runs, in the same way. */
  readonly computeInfer: NativeDuration;
  /** Splitting a batch's outputs and encoding the answers, in the same way. */
  readonly computeOutput: NativeDuration;
  /** Answered from the cache, or by the run of an identical request in flight. The time is that of the lookup. */
  readonly cacheHit: NativeDuration;
  /** The time is that of the lookup and of storing the result. */
  readonly cacheMiss: NativeDuration;
  /** When the last request reached the queue or the cache, in ms since 1970; 0: never. */
  readonly lastRequestMillis: number;
  readonly cancelled: number;
  readonly expired: number;
  readonly refusedFull: number;
  readonly refusedDeadline: number;
  readonly isolated: number;
  readonly ranInline: number;
  /** Moved back by the queue timeout. */
  readonly delayed: number;
  /** Rows run only to fill batches up to a size of `padTo`. */
  readonly paddedRows: number;
  readonly batchCuts: NativeBatchCuts;
  readonly copiedBytes: { readonly in: number; readonly out: number };
  readonly queuedRows: number;
  /** Of a cached model hits + misses + joins + bypasses are its requests. */
  readonly cache: NativeCacheStats;
  /** What {@link NativeModel.pickSamples} has picked: kept for takeSample(), or dropped because too much was waiting for it. */
  readonly samples: { readonly kept: number; readonly dropped: number };
  /** By executed row count: how often, and the stages of each execution. */
  readonly batches: readonly NativeBatchStats[];
}
