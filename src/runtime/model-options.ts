// SPDX-License-Identifier: Apache-2.0
// Options of Model.load: their meaning, their check, and what the native side makes of them.
import { basename, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { OrtserveError } from "../errors.js";
import type { NativeLoadOptions } from "../native/binding.js";
import { type EngineOptions, startEngine } from "./engine.js";
import { checkOptions, describe, type OptionTable } from "./option-check.js";
import { nativePostprocess, type Postprocess } from "./postprocess-options.js";
import { nativePreprocess, type Preprocess } from "./preprocess-options.js";

/** An execution provider, or the same with its options and whether the load must fail without it. */
export type ProviderChoice =
  | string
  | { name: string; options?: Record<string, string | number | boolean>; required?: boolean };

/** How one dynamic dim is padded. */
export interface AxisBuckets {
  /** A longer input runs as it is. */
  sizes: readonly number[];
  /** Element to fill up with; strings are filled up with "". Default: 0. */
  padValue?: number;
  /** The same by input, where it differs. */
  padValues?: Readonly<Record<string, number>>;
}

export interface ModelOptions {
  /** Name in messages and metadata. Default: the file's name without ".onnx". */
  name?: string;
  /** Default: "1". */
  version?: string;
  /** Of the files beside the model, which it may read: loads that differ in it share no weights. Default: "". */
  revision?: string;
  /** Tried in order: "tensorrt", "cuda", "cpu". One that is missing is skipped with its reason in `metadata.providers`. */
  providers?: readonly ProviderChoice[];
  /** Every provider of the list is required: fail the load instead of skipping one. */
  strict?: boolean;
  /** "throughput" (default): one run per core, each on one thread. "latency": one run at a time, on all cores. */
  mode?: "throughput" | "latency";
  /** Threads of one run. Default: 1, or all cores in mode "latency". */
  intraOpThreads?: number;
  /** Runs in flight at once. Default: cores / intraOpThreads. */
  instances?: number;
  /**
   * "auto" (default): rows of different calls run together when the model proves to treat them independently. "off": each call
   * runs alone. "whole": dim 0 counts no rows, whatever the model proves; requests bring each input whole, one at a time.
   */
  batching?: "auto" | "off" | "whole" | boolean;
  /**
   * False: the model is not run at load to be timed, for models that are run a few times only. Batches then have no cap of
   * their own, and a deadline that cannot be met is not refused on arrival. Default: true.
   */
  measure?: boolean;
  /** Most rows run together. Default: where the cost curve measured at load stops gaining. */
  maxBatchRows?: number;
  /** How long a call may wait for company, in milliseconds; "auto": found from the traffic. Default: 0. */
  maxDelayMs?: number | "auto";
  /** Bounds a batch's run time at half of it, in milliseconds. Default: no bound. */
  latencyObjectiveMs?: number;
  /** Most rows of one call. Default: no limit. */
  maxRequestRows?: number;
  /** Batch sizes that run at once, without waiting for `maxDelayMs`. Default: none. */
  preferredBatchRows?: readonly number[];
  /** Fill each batch up to the next of these sizes with copies of its first row; caps a batch at the largest. Default: none. */
  padTo?: readonly number[];
  /**
   * Dynamic dims, by their names in the graph, that are filled up to the next of a few sizes, so that calls of different
   * lengths run together; outputs with that dim are cut back. Only for models that ignore the padding, as by a mask.
   */
  bucketAxes?: Readonly<Record<string, AxisBuckets>>;
  /** Settle calls in the order in which they were made. Default: false. */
  preserveOrdering?: boolean;
  /** Levels of the queue, 1 is served first. Default: 1. */
  priorityLevels?: number;
  /** Level of requests that name none, or one that does not exist. Default: the middle one. */
  defaultPriority?: number;
  /** How long a call may wait for its run to start, in milliseconds; a request may ask for less. Default: no limit. */
  queueTimeoutMs?: number;
  /** Then: fail with ERR_QUEUE_TIMEOUT, or go behind the others of its level. Default: "reject". */
  onQueueTimeout?: "reject" | "delay";
  /** Rows that may wait in each level; beyond, calls fail at once with ERR_QUEUE_FULL. Default: 4096. */
  maxQueueRows?: number;
  /** Input bytes that may wait. Default: 1 GiB. */
  maxQueueBytes?: number;
  /** Run on the calling thread when a row costs less than this and nothing is queued, in microseconds. Default: 10; 0: never. */
  inlineMicros?: number;
  /**
   * Answer repeated inputs from the process's prediction cache: true, or an object with this model's own bounds. Only for
   * models whose result depends on nothing but the input. `shared`: use the results of other servers, too, where the process
   * has a shared cache. Default: false.
   */
  cache?: boolean | { maxBytes?: number; ttlMs?: number; shared?: boolean };
  /** ONNX Runtime session options and config entries by name. */
  sessionOptions?: Readonly<Record<string, string | number | boolean>>;
  /** Names of classes in the order of the scores: the classification extension appends them to outputs of as many scores. */
  labels?: readonly string[];
  /** Column names per input ("": the only one), for error messages and named features over the wire. */
  features?: Readonly<Record<string, readonly string[]>>;
  /** What inputs are made of: images, named columns, sound. Compiled at load; requests may bring the tensors all the same. */
  preprocess?: Preprocess;
  /** What becomes of outputs: softmax, top-k with labels and so on. `metadata.outputs` shows the result. */
  postprocess?: Postprocess;
  /** Options of the process-wide engine; the first load in the process decides. */
  engine?: EngineOptions;
}

const millis = { kind: "number", min: 0, max: 3_600_000 } as const;
const scalars = {
  kind: "custom",
  check: (value) => (isRecordOf(value, isScalar) ? undefined : "an object of strings, numbers and booleans"),
} as const satisfies ModelOptionRule;
const batchSizes = {
  kind: "custom",
  check: (value) =>
    Array.isArray(value) && value.every((rows) => Number.isInteger(rows) && rows >= 1 && rows <= 65536)
      ? undefined
      : "an array of row counts from 1 to 65536",
} as const satisfies ModelOptionRule;
type ModelOptionRule = OptionTable<ModelOptions>[keyof ModelOptions];

const modelOptionTable: OptionTable<ModelOptions> = {
  name: { kind: "string" },
  version: { kind: "string" },
  providers: { kind: "custom", check: (value) => (Array.isArray(value) ? undefined : "an array of providers") },
  strict: { kind: "boolean" },
  mode: { kind: "choice", of: ["throughput", "latency"] },
  intraOpThreads: { kind: "integer", min: 1, max: 1024 },
  instances: { kind: "integer", min: 1, max: 1024 },
  batching: { kind: "choice", of: ["auto", "off", "whole", true, false] },
  measure: { kind: "boolean" },
  maxBatchRows: { kind: "integer", min: 1, max: 65536 },
  maxDelayMs: {
    kind: "custom",
    check: (value) => (value === "auto" || isMillis(value) ? undefined : `a number from 0 to ${millis.max} or "auto"`),
  },
  latencyObjectiveMs: millis,
  maxRequestRows: { kind: "integer", min: 1, max: Number.MAX_SAFE_INTEGER },
  preferredBatchRows: batchSizes,
  padTo: batchSizes,
  bucketAxes: {
    kind: "custom",
    check: (value) => (isRecordOf(value, isPlainObject) ? undefined : "an object of {sizes, padValue, padValues}"),
  },
  preserveOrdering: { kind: "boolean" },
  priorityLevels: { kind: "integer", min: 1, max: 1000 },
  defaultPriority: { kind: "integer", min: 1, max: 1000 },
  queueTimeoutMs: millis,
  onQueueTimeout: { kind: "choice", of: ["reject", "delay"] },
  maxQueueRows: { kind: "integer", min: 1, max: Number.MAX_SAFE_INTEGER },
  maxQueueBytes: { kind: "integer", min: 1, max: Number.MAX_SAFE_INTEGER },
  inlineMicros: { kind: "number", min: 0, max: 1_000_000 },
  cache: {
    kind: "custom",
    check: (value) =>
      typeof value === "boolean" || isRecordOf(value, isScalar) ? undefined : "a boolean or an object",
  },
  sessionOptions: scalars,
  labels: { kind: "custom", check: (value) => (isStringArray(value) ? undefined : "an array of class names") },
  features: {
    kind: "custom",
    check: (value) => (isRecordOf(value, isStringArray) ? undefined : "an object of arrays of column names"),
  },
  revision: { kind: "string" },
  preprocess: {
    kind: "custom",
    check: (value) => (isRecordOf(value, () => true) ? undefined : "an object of inputs"),
  },
  postprocess: {
    kind: "custom",
    check: (value) => (isRecordOf(value, () => true) ? undefined : "an object of outputs"),
  },
  engine: {
    kind: "custom",
    check: (value) => (isPlainObject(value) ? undefined : "an object of engine options"),
  },
};

const bucketTable: OptionTable<AxisBuckets> = {
  sizes: batchSizes,
  padValue: { kind: "number", min: -Number.MAX_VALUE, max: Number.MAX_VALUE },
  padValues: {
    kind: "custom",
    check: (value) => (isRecordOf(value, Number.isFinite) ? undefined : "an object of numbers by input"),
  },
};

const cacheTable: OptionTable<Exclude<ModelOptions["cache"], boolean | undefined>> = {
  maxBytes: { kind: "integer", min: 0, max: Number.MAX_SAFE_INTEGER },
  ttlMs: millis,
  shared: { kind: "boolean" },
};

const providerTable: OptionTable<Exclude<ProviderChoice, string>> = {
  name: { kind: "string" },
  options: scalars,
  required: { kind: "boolean" },
};

/** Checks everything that can be known without the file, and fills in the defaults. Throws ERR_INVALID_ARGUMENT. */
export function nativeLoadOptions(path: string | URL, options: ModelOptions): NativeLoadOptions {
  checkOptions("model", options, modelOptionTable);
  const file = filePath(path);
  const providers = (options.providers ?? []).map((choice) => nativeProvider(choice, options.strict ?? false));
  const latency = options.mode === "latency";
  const sessionOptions = stringValues(options.sessionOptions);
  if (latency) sessionOptions["session.force_spinning_stop"] ??= "1";
  const runsAlone = options.batching === "off" || options.batching === false;
  const allCores = latency && options.intraOpThreads === undefined ? startEngine(options.engine).cores : 0;
  const variant = {
    preprocess: nativePreprocess(options.preprocess),
    postprocess: nativePostprocess(options.postprocess),
    bucketAxes: nativeBuckets(options.bucketAxes),
  };
  return {
    path: file,
    name: options.name ?? basename(file).replace(/\.(onnx|ort)$/i, ""),
    version: options.version ?? "1",
    revision: options.revision ?? "",
    providers,
    sessionOptions,
    labels: [...(options.labels ?? [])],
    features: Object.fromEntries(Object.entries(options.features ?? {}).map(([name, names]) => [name, [...names]])),
    ...variant,
    cacheVariant: JSON.stringify(variant),
    batching: options.batching === "whole" ? "whole" : "auto",
    measure: options.measure ?? true,
    instances: options.instances ?? (latency ? 1 : 0),
    intraOpThreads: options.intraOpThreads ?? allCores,
    maxBatchRows: runsAlone ? 1 : (options.maxBatchRows ?? 0),
    maxDelayMicros: options.maxDelayMs === "auto" ? 0 : Math.round((options.maxDelayMs ?? 0) * 1000),
    tuneDelay: options.maxDelayMs === "auto",
    preferredBatchRows: [...(options.preferredBatchRows ?? [])],
    padTo: [...(options.padTo ?? [])],
    preserveOrdering: options.preserveOrdering ?? false,
    latencyObjectiveMicros: Math.round((options.latencyObjectiveMs ?? 0) * 1000),
    maxRequestRows: options.maxRequestRows ?? 0,
    ...nativeQueue(options),
    inlineMicros: options.inlineMicros ?? 10,
    ...nativeCache(options.cache),
  };
}

type QueueOptions = Pick<
  NativeLoadOptions,
  "maxQueueRows" | "maxQueueBytes" | "queueTimeoutMicros" | "onQueueTimeout" | "priorityLevels" | "defaultPriority"
>;

function nativeQueue(options: ModelOptions): QueueOptions {
  const { priorityLevels = 1, maxBatchRows = 0, padTo = [] } = options;
  const { defaultPriority = Math.ceil(priorityLevels / 2) } = options;
  if (defaultPriority > priorityLevels) {
    throw invalid(`expected a defaultPriority of at most priorityLevels, ${priorityLevels}, got ${defaultPriority}`);
  }
  if (padTo.length > 0 && maxBatchRows > Math.max(...padTo)) {
    throw invalid(
      `expected maxBatchRows of at most the largest size of padTo, ${Math.max(...padTo)}, got ${maxBatchRows}`,
    );
  }
  return {
    maxQueueRows: options.maxQueueRows ?? 4096,
    maxQueueBytes: options.maxQueueBytes ?? 2 ** 30,
    queueTimeoutMicros: Math.round((options.queueTimeoutMs ?? 0) * 1000),
    onQueueTimeout: options.onQueueTimeout ?? "reject",
    priorityLevels,
    defaultPriority,
  };
}

function nativeBuckets(axes: ModelOptions["bucketAxes"] = {}): NativeLoadOptions["bucketAxes"] {
  return Object.entries(axes).map(([dim, axis]) => {
    checkOptions(`bucketAxes.${dim}`, axis, bucketTable);
    if (!axis.sizes?.length) throw invalid(`expected one size or more in bucketAxes.${dim}.sizes, got none`);
    return { dim, sizes: [...axis.sizes], padValue: axis.padValue ?? 0, padValues: { ...axis.padValues } };
  });
}

function nativeCache(
  cache: ModelOptions["cache"] = false,
): Pick<NativeLoadOptions, "cache" | "cacheMaxBytes" | "cacheTtlMicros" | "cacheShared"> {
  const { maxBytes = 0, ttlMs = 0, shared = false } = typeof cache === "boolean" ? {} : cache;
  if (typeof cache === "object") checkOptions("cache", cache, cacheTable);
  return {
    cache: cache !== false,
    cacheMaxBytes: maxBytes,
    cacheTtlMicros: Math.round(ttlMs * 1000),
    cacheShared: shared,
  };
}

function filePath(path: string | URL): string {
  if (path instanceof URL) {
    if (path.protocol === "file:") return fileURLToPath(path);
    throw invalid(`expected a file: URL of a model, got ${path.protocol} (download it first)`);
  }
  if (typeof path !== "string" || path === "")
    throw invalid(`expected the path of an .onnx file, got ${describe(path)}`);
  return resolve(path);
}

function nativeProvider(choice: ProviderChoice, strict: boolean): NativeLoadOptions["providers"][number] {
  if (typeof choice === "string") return { name: choice.toLowerCase(), options: {}, required: strict };
  checkOptions("provider", choice, providerTable);
  if (choice.name === undefined) throw invalid("expected a name in a provider of option 'providers', got none");
  return {
    name: choice.name.toLowerCase(),
    options: stringValues(choice.options),
    required: choice.required ?? strict,
  };
}

/** ONNX Runtime takes strings; booleans are "1" and "0" there. */
function stringValues(values: Readonly<Record<string, string | number | boolean>> = {}): Record<string, string> {
  const text = (value: string | number | boolean) => (typeof value === "boolean" ? (value ? "1" : "0") : String(value));
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, text(value)]));
}

function isRecordOf(value: unknown, accepts: (entry: unknown) => boolean): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value) && Object.values(value).every(accepts);
}

function isPlainObject(value: unknown): boolean {
  return isRecordOf(value, () => true);
}

function isMillis(value: unknown): boolean {
  return typeof value === "number" && value >= millis.min && value <= millis.max;
}

function isScalar(value: unknown): boolean {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean";
}

function isStringArray(value: unknown): boolean {
  return Array.isArray(value) && value.every((entry) => typeof entry === "string");
}

function invalid(message: string): OrtserveError {
  return new OrtserveError("ERR_INVALID_ARGUMENT", message);
}
