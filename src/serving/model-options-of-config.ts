// SPDX-License-Identifier: Apache-2.0
// From a model's configuration to the options of its load.
import type { EngineOptions } from "../runtime/engine.js";
import type { ModelOptions } from "../runtime/model-options.js";
import { type ModelConfig, providersOf } from "./model-config.js";
import { postprocessOption } from "./postprocess-config.js";
import { preprocessOption } from "./preprocess-config.js";

/** What Model.load makes of a `config.yaml`; a 0 there means "the default" and is left out. */
export function modelOptions(name: string, version: string, config: ModelConfig, engine?: EngineOptions): ModelOptions {
  const options: { [K in keyof ModelOptions]: ModelOptions[K] | undefined } = {
    name,
    version,
    providers: config.providers && providersOf(config),
    batching: config.batching,
    features: Array.isArray(config.features) ? { "": config.features } : config.features,
    labels: Array.isArray(config.labels) ? config.labels : undefined,
    preprocess: preprocessOption(config.preprocess),
    postprocess: postprocessOption(config.postprocess, config.labels),
    sessionOptions: config.session_options,
    instances: config.instances || undefined,
    intraOpThreads: config.intra_op_threads || undefined,
    maxBatchRows: config.max_batch_rows || undefined,
    maxDelayMs: config.max_delay_ms,
    latencyObjectiveMs: config.latency_objective_ms,
    maxRequestRows: config.max_request_rows || undefined,
    preferredBatchRows: config.preferred_batch_rows,
    padTo: config.pad_to,
    bucketAxes: bucketsOption(config.bucket_axes),
    preserveOrdering: config.preserve_ordering,
    priorityLevels: config.priority?.levels,
    defaultPriority: config.priority?.default,
    queueTimeoutMs: config.queue?.timeout_ms,
    onQueueTimeout: config.queue?.on_timeout,
    maxQueueRows: config.queue?.max_rows || undefined,
    maxQueueBytes: config.queue?.max_bytes || undefined,
    inlineMicros: config.inline_micros,
    cache: cacheOption(config.cache),
    engine,
  };
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given) as ModelOptions;
}

function bucketsOption(axes: ModelConfig["bucket_axes"]): ModelOptions["bucketAxes"] {
  if (axes === undefined) return undefined;
  const entries = Object.entries(axes).map(([dim, { sizes, pad_value: padValue, pad_values: padValues }]) => [
    dim,
    { sizes, ...(padValue !== undefined && { padValue }), ...(padValues !== undefined && { padValues }) },
  ]);
  return Object.fromEntries(entries);
}

function cacheOption(cache: ModelConfig["cache"]): ModelOptions["cache"] {
  if (typeof cache !== "object") return cache;
  return {
    ...(cache.max_bytes !== undefined && { maxBytes: cache.max_bytes }),
    ...(cache.ttl_ms !== undefined && { ttlMs: cache.ttl_ms }),
    ...(cache.shared !== undefined && { shared: cache.shared }),
  };
}
