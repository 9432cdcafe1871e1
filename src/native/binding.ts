// SPDX-License-Identifier: Apache-2.0
// The typed surface of the native addon. Everything here is plain numbers, strings and typed arrays; the friendly faces are
// in src/runtime (embedding) and src/server (wire). All calls belong to the thread (JS environment) that made the object.

import type { NativeDevices, NativeGpu, NativeProviderOption } from "./devices.js";
import type { NativeEquations } from "./equations-binding.js";
import type { NativeHistogram } from "./histogram-binding.js";
import type { NativeAttachment, NativeInputPlan, NativeOutputPlan, NativePreparedInput } from "./plans.js";
import type { NativeSharedCache } from "./shared-cache-binding.js";
import type { NativeSharedMemory } from "./shared-memory.js";
import type { NativeModelStats } from "./stats.js";

/** Index into {@link NativeBinding.codes}; 0 is success. */
export type NativeCode = number;

/** Wire formats of `native/core/codec/wire.h`. */
export const WireFormat = { predict: 0, openInference: 1, tfServing: 2, generate: 3 } as const;
export type WireFormat = (typeof WireFormat)[keyof typeof WireFormat];

/** What a caller wants of the prediction cache, `CacheUse` of `native/core/request.h`. */
export const CacheUse = {
  /** Answer from it, store into it. */
  use: 0,
  /** Run the model, store the result. */
  refresh: 1,
  /** Neither. */
  bypass: 2,
} as const;
export type CacheUse = (typeof CacheUse)[keyof typeof CacheUse];

/** How a wire request is to be read, in one number. `framed`: see {@link NativePort.submit}. */
export function wireFlags(format: WireFormat, framed: boolean, cacheUse: CacheUse): number {
  return (format << 3) | (cacheUse << 1) | (framed ? 1 : 0);
}

/** What became of it, `CacheOutcome` of `native/core/request.h`: the value of a record's `cache` field is the index. */
export const cacheOutcomes = ["", "hit", "miss", "join", "bypass"] as const;

/** Fields of one completion record in {@link NativePort.records}, in u32 units. */
export const Completion = {
  ticket: 0,
  code: 1,
  /** Index into {@link NativePort.slabs}, or {@link largeReply}. */
  slab: 2,
  /** Byte offset in the slab; for a large reply the index into {@link NativePort.large}. */
  offset: 3,
  /** Bytes of the reply body, or of the error message when code is not 0. */
  length: 4,
  /** Length of the leading JSON of a binary reply; 0: the whole body is JSON. */
  jsonSize: 5,
  /** On error: bytes of the request's id, which stand right before the message (at offset - idSize). */
  idSize: 6,
  queueMicros: 7,
  computeMicros: 8,
  rows: 9,
  batchRows: 10,
  /** Index into {@link cacheOutcomes}. */
  cache: 11,
  /** Of record 0 after {@link NativePort.submit}: 1 + a place for a copy of this reply, see {@link NativePort.keep}; 0: none. */
  place: 12,
  size: 13,
} as const;

/** What {@link NativePort.submit} returns is a ticket below this, and from this on a place plus this. */
export const firstPlace = 2 ** 32;
export const largeReply = 0xffffffff;
/** The low bits of a ticket are a small table index that no other ticket in flight shares; the rest tells reuses apart. */
export const ticketSlotMask = 0xfffff;

export interface NativeTensorSpec {
  readonly name: string;
  /** Open Inference Protocol datatype, e.g. "FP32", "BYTES"; for maps the datatype of the values. */
  readonly datatype: string;
  /** -1 where dynamic. */
  readonly shape: readonly number[];
  readonly dimNames: readonly string[];
  readonly optional: boolean;
  readonly kind: "tensor" | "sequence" | "map";
  readonly features: readonly string[];
}

export interface NativeModelInfo {
  readonly name: string;
  readonly version: string;
  readonly inputs: readonly NativeTensorSpec[];
  /** As clients see them: after `postprocess`. */
  readonly outputs: readonly NativeTensorSpec[];
  readonly preprocess: readonly NativePreparedInput[];
  readonly batched: boolean;
  readonly batchingReason: string;
  /** `reason`: why it is not active; `note`: what to know of it all the same. */
  readonly providers: readonly { name: string; active: boolean; reason: string; note: string }[];
  readonly instances: number;
  readonly intraOpThreads: number;
  readonly maxBatchRows: number;
  /** A size of every dynamic dim, rows aside, that the model runs with; 0: none was found. */
  readonly exampleDim: number;
  /** What the second level of the cache knows the model by, 32 hexadecimal digits; "" when it is not used. */
  readonly sharedDigest: string;
  /** Measured run time per row count. */
  readonly costCurve: readonly { rows: number; micros: number }[];
}

export interface NativeLoadOptions {
  path: string;
  name: string;
  version: string;
  revision: string;
  providers: { name: string; options: Record<string, string>; required: boolean }[];
  sessionOptions: Record<string, string>;
  /** Names of the columns per input, from the model's config; "" stands for the only input. */
  features: Record<string, string[]>;
  /** Names of classes, in the order of the scores. */
  labels: readonly string[];
  /** By input; "" stands for the only one. */
  preprocess: Record<string, NativeInputPlan>;
  /** By output. */
  postprocess: Record<string, NativeOutputPlan>;
  /** "auto": found out and verified; "whole": dim 0 counts no rows. */
  batching: "auto" | "whole";
  /** 0: one per usable core divided by intraOpThreads. */
  instances: number;
  /** 0: the default, 1. */
  intraOpThreads: number;
  /** 0: from the measured cost curve. */
  maxBatchRows: number;
  maxDelayMicros: number;
  /** Find the delay from the traffic instead. */
  tuneDelay: boolean;
  latencyObjectiveMicros: number;
  /** 0: no limit. */
  maxRequestRows: number;
  /** False: no cost curve, and no size for dynamic dims, is found out by running the model. */
  measure: boolean;
  /** Batch sizes that run before maxDelayMicros are over. */
  preferredBatchRows: number[];
  /** Batches are filled up to these sizes. */
  padTo: number[];
  bucketAxes: { dim: string; sizes: number[]; padValue: number; padValues: Record<string, number> }[];
  preserveOrdering: boolean;
  /** Of each priority level. */
  maxQueueRows: number;
  maxQueueBytes: number;
  /** 0: none. */
  queueTimeoutMicros: number;
  onQueueTimeout: "reject" | "delay";
  priorityLevels: number;
  defaultPriority: number;
  cache: boolean;
  /** Of this model's results; 0: only the bound of the whole cache. */
  cacheMaxBytes: number;
  /** 0: results stay until they are evicted. */
  cacheTtlMicros: number;
  /** Share results with other servers, where the process has a second level. */
  cacheShared: boolean;
  /** What changes results besides the file and the session, as text: shared results are of one variant. */
  cacheVariant: string;
  /** Run on the JS thread when one row costs less than this and nothing is queued; 0: never. */
  inlineMicros: number;
}

/** A model loaded in this process. The session behind it is shared with every other load of the same file and options. */
export interface NativeModel {
  readonly info: NativeModelInfo;
  /** Stands for this object in calls on the port of its thread, as long as the object is referenced. */
  readonly handle: number;
  /** Identifies the model in this process; {@link NativeBinding.attachModel} gives another thread a handle on it. */
  readonly id: number;
  stats(): NativeModelStats;
  /** Time until a call that is made now would be taken from the queue, by what batches cost; 0: less than one of them, or not known. */
  backlogMillis(): number;
  /** Forgets this model's cached results, those shared with other servers included. */
  flushCache(): void;
  /**
   * From now on each row that runs is picked with this probability, 0 to 1, and copied, until {@link takeSample} takes it; of a
   * model that is not batched each request. At most 32 MiB wait. Of the model, not of this handle.
   */
  pickSamples(share: number): void;
  /** The oldest that waits, one per input, undefined for an absent one: the tensors that the graph read, dim 0 being 1 in a batched model. */
  takeSample(): (NativeTensor | undefined)[] | undefined;
  /** Refuses new requests, lets accepted ones finish, then releases the session off the JS thread. Idempotent. */
  close(): Promise<void>;
}

/** One embedded tensor crossing the boundary: numeric data as its typed array's bytes, strings as an array. */
export interface NativeTensor {
  /** Index into {@link NativeBinding.dtypes}. */
  dtype: number;
  dims: number[];
  data: ArrayBufferView | string[];
}

export type NativeValue = NativeTensor | { items: NativeValue[] } | { keys: NativeTensor; values: NativeTensor };

/** The way in and out of the core for one JS environment (thread). */
export interface NativePort {
  /** Completion records, {@link Completion.size} u32 each. Rewritten before every `onReplies` call. */
  readonly records: Uint32Array;
  /** Reply memory. Bytes named by a record are valid until `onReplies` returns, or until the next call on this port. */
  readonly slabs: readonly Uint8Array[];
  /** Replies too large for a slab; each is its own memory and stays valid as long as it is referenced. */
  readonly large: readonly ArrayBuffer[];

  /**
   * Decodes a whole body and queues the request. `model`: a {@link NativeModel.handle}; `flags`:
   * see {@link wireFlags}, where `framed` lets a binary reply start with a u32 little-endian JSON length; `jsonSize`: length
   * of the leading JSON, -1 when all of it is JSON. `body` is read before the call returns.
   * Returns a ticket; or 0 when the answer already stands in record 0; or a negated ticket when {@link endTurn} will answer;
   * or {@link firstPlace} and more: this body was answered from the cache before, with the reply that is kept at that place.
   */
  submit(
    model: number,
    flags: number,
    jsonSize: number,
    body: ArrayBuffer,
    offset: number,
    length: number,
    timeoutMicros: number,
  ): number;
  /** The reply of record 0 is kept at its `place`, in the stead of any other; {@link submit} may name it from now on. */
  keep(place: number): void;
  /**
   * Runs what was submitted since the last call and is too cheap for a thread hop, together; answers through `onReplies` and
   * `onOutputs` before it returns. To be called once in each turn of the event loop that has seen a negated ticket.
   */
  endTurn(): void;
  /** Starts collecting a body that comes in pieces; returns its handle (>= 1). */
  openBody(expectedSize: number, jsonSize: number, maxSize: number): number;
  /** Copies a piece; returns a code, 0 for success. */
  appendBody(body: number, chunk: ArrayBuffer): NativeCode;
  /** Throws a collected body away. */
  discardBody(body: number): void;
  /** As {@link submit}, with a collected body, whose handle ends here. */
  submitBody(model: number, flags: number, jsonSize: number, body: number, timeoutMicros: number): number;

  /**
   * As {@link submit}, for JSON of the predict form whose images and sounds are decoded already: it names them by numbers,
   * `firstAttachment` (0 to 2^48) for the first of `attachments` and the next for the next. They are read before the call
   * returns.
   */
  submitPrepared(
    model: number,
    flags: number,
    body: ArrayBuffer,
    offset: number,
    length: number,
    attachments: readonly NativeAttachment[],
    firstAttachment: number,
    timeoutMicros: number,
  ): number;

  /**
   * Embedded predict. `inputs`: model order, undefined for an absent optional one. `wanted`: output indices, empty: all.
   * `lend`: memory is read in place (the TypeScript side has made that safe), else copied before the call returns.
   * `histograms`: one per wanted output counts its values on native threads; in its place the answer then has how many
   * there were, INT64 [1], and ERR_RUN_FAILED tells of a value that is not finite.
   * Returns a ticket, or a negated one as {@link submit} does; the answer comes through `onOutputs`, never before this call
   * returns. Throws OrtserveError codes.
   */
  predict(
    model: number,
    inputs: (NativeTensor | undefined)[],
    wanted: number[],
    lend: boolean,
    timeoutMicros: number,
    cacheUse: CacheUse,
    histograms: readonly NativeHistogram[] | undefined,
  ): number;

  /** As {@link predict}, for what `preprocess` takes: JSON and attachments as of {@link submitPrepared}. */
  predictPrepared(
    model: number,
    json: string,
    attachments: readonly NativeAttachment[],
    firstAttachment: number,
    wanted: number[],
    timeoutMicros: number,
    cacheUse: CacheUse,
  ): number;

  /** The caller no longer wants the answer: queued work is dropped. The ticket still completes, with ERR_CANCELLED. */
  cancel(ticket: number): void;
}

export interface NativeBinding extends NativeSharedCache {
  readonly version: string;
  /** Error code names, index = code; index 0 is "OK". */
  readonly codes: readonly string[];
  /** Datatype names, index = dtype. */
  readonly dtypes: readonly string[];
  /** Loads ONNX Runtime and starts the process-wide engine; later calls change nothing. Throws. */
  start(
    libraryPath: string,
    options: {
      cores: number;
      maxBufferBytes: number;
      maxRetainedBytes: number;
      cacheBytes: number;
      /** Folder for engines that providers build; "": they are not kept. */
      engineCache: string;
    },
  ): void;
  /**
   * Ends all work of the process, for its exit: aborts what runs and waits, and joins every thread. Waits for a load in progress.
   */
  stop(): void;
  engine(): { libraryPath: string; version: string; providers: string[]; cores: number };
  bufferStats(): Record<"liveBytes" | "peakLiveBytes" | "retainedBytes" | "acquired" | "reused" | "refused", number>;
  /** Every option of every execution provider, as a load checks it. */
  providerOptions(): NativeProviderOption[];
  /**
   * What this machine has for inference. `folder`: where ONNX Runtime lies. Loads the libraries that providers need: not for a
   * server at work. Needs no engine.
   */
  devices(folder: string): NativeDevices;
  /** The GPUs as they are now, read on a worker thread; empty where there is none. */
  gpus(): Promise<NativeGpu[]>;
  /** Loads on a native thread; rejects with an OrtserveError. */
  loadModel(options: NativeLoadOptions): Promise<NativeModel>;
  /** Another handle on a model that is loaded in this process; undefined when it is gone. */
  attachModel(id: number): NativeModel | undefined;
  /** Memory that clients share with this process, by name; of the process, not of this environment. Throws. */
  readonly sharedMemory: NativeSharedMemory;
  /**
   * Opens this environment's port. `onReplies(count)`: `count` records are ready. `onOutputs`: one embedded predict ended;
   * on failure `values` is the message.
   */
  openPort(
    onReplies: (count: number) => void,
    onOutputs: (
      ticket: number,
      code: NativeCode,
      values: NativeValue[] | string,
      queueMicros: number,
      computeMicros: number,
    ) => void,
  ): NativePort;
  /** Works without the engine. */
  makeHistogram(): NativeHistogram;
  /** Least squares over rows of `dimension` and `outputs` numbers. Throws. */
  openEquations(dimension: number, outputs: number): NativeEquations;
  /**
   * When this thread ends, in whatever way, every descriptor its event loop polls is closed: uWebSockets.js leaves its
   * sockets open, upon which Node aborts the process. For worker threads of which nothing else polls. Once per thread.
   */
  closeSocketsWithThread(): void;
  /**
   * From now on nobody begins to connect to this thread's listening sockets on `port`; who is connecting already can still
   * be accepted. Returns how many sockets that concerns: 0 where the system cannot do it, which is everywhere but on Linux.
   */
  refuseConnections(port: number): number;
  /** Ends the process without running anything more in any of its threads. Does not return. */
  exitNow(code: number): void;
}
