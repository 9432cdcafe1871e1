// SPDX-License-Identifier: Apache-2.0
// What a Triton ModelConfig of an ONNX model means here. What has no counterpart becomes a note, never silence.
import { OrtserveError } from "../../errors.js";
import { nearestName } from "../../runtime/nearest-name.js";
import { checkConfig } from "../config-check.js";
import { type ConfigReading, type ModelConfig, modelConfigSchema } from "../model-config.js";
import { messages } from "./descriptor.js";
import { applyAccelerators, applyInstances, applyParameters } from "./execution.js";
import { datatypeOf, tensorChecks } from "./tensor-checks.js";
import type { TextMessage } from "./text-format.js";
import { type TypedMessage, typedConfig } from "./typed-message.js";

export type TritonConfig = TypedMessage<"ModelConfig">;

/** A configuration in the making. */
export interface Draft {
  readonly source: string;
  config: { -readonly [K in keyof ModelConfig]: unknown };
  note(text: string): void;
  fault(text: string): OrtserveError;
}

/** Fields that say how Triton itself is to be run. */
const unused: readonly (keyof TritonConfig)[] = [
  "runtime",
  "cc_model_filenames",
  "metric_tags",
  "batch_input",
  "batch_output",
  "model_operations",
  "model_repository_agents",
  "model_metrics",
];
/** Fields without which the model would not do what it is made for. */
const refused: readonly (keyof TritonConfig)[] = ["sequence_batching", "ensemble_scheduling"];
const unusedOptimizations = ["input_pinned_memory", "output_pinned_memory", "eager_batching"] as const;

/** Whether a JSON object is a ModelConfig, perhaps with a key misspelt, and not one with the keys of `config.yaml`: `own`. */
export function isTritonConfig(value: unknown, own: readonly string[]): value is object {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const known = [...own, ...Object.keys(messages.ModelConfig)];
  return Object.keys(value).some((key) => {
    const meant = nearestName(key, known);
    return meant !== undefined && !own.includes(meant);
  });
}

/**
 * @param fields of text format, or of JSON
 * @param source where it stands, for messages
 * @throws OrtserveError ERR_INVALID_CONFIG
 */
export function readTritonConfig(fields: TextMessage | object, source: string): ConfigReading {
  const triton = typedConfig(fields, source);
  const notes: string[] = [];
  const draft: Draft = {
    source,
    config: {},
    note: (text) => notes.push(`${source}: ${text}`),
    fault: (text) => new OrtserveError("ERR_INVALID_CONFIG", `${source}: ${text}`),
  };
  checkKind(triton, draft);
  for (const key of unused) if (isGiven(triton[key])) draft.note(`'${key}' has no effect here`);
  if (triton.name) draft.config.name = triton.name;
  if (triton.default_model_filename) draft.config.model_file = triton.default_model_filename;
  if (triton.response_cache?.enable) draft.config.cache = true;
  draft.config.versions = versionsOf(triton);
  applyBatchSize(triton, draft);
  applyBatching(triton, draft);
  applyInstances(triton, draft);
  applyAccelerators(triton, draft);
  applyParameters(triton, draft);
  applyOptimization(triton, draft);
  applyLabels(triton, draft);
  applyWarmup(triton, draft);
  const checks = tensorChecks(triton, draft);
  return { config: checkConfig(modelConfigSchema, draft.config, source), source, notes, checks };
}

function checkKind(triton: TritonConfig, draft: Draft): void {
  const { platform = "", backend = "" } = triton;
  if (platform !== "" && platform !== "onnxruntime_onnx") {
    throw draft.fault(`'platform': expected onnxruntime_onnx, got ${platform}`);
  }
  if (backend !== "" && backend !== "onnxruntime") throw draft.fault(`'backend': expected onnxruntime, got ${backend}`);
  for (const key of refused) {
    if (triton[key] !== undefined)
      throw draft.fault(`'${key}' is not supported: each request is served by one model, alone`);
  }
  if (triton.model_transaction_policy?.decoupled) {
    throw draft.fault("'model_transaction_policy.decoupled': expected false: an ONNX model answers once");
  }
}

function versionsOf({ version_policy: policy }: TritonConfig): unknown {
  if (policy?.all) return "all";
  if (policy?.specific) return policy.specific.versions ?? [];
  return { latest: policy?.latest?.num_versions || 1 };
}

function applyBatchSize({ max_batch_size: rows }: TritonConfig, draft: Draft): void {
  if (rows === undefined) return;
  if (rows < 0) throw draft.fault(`'max_batch_size': expected a number of rows, got ${rows}`);
  if (rows === 0) draft.config.batching = "whole";
  else Object.assign(draft.config, { max_request_rows: rows, max_batch_rows: Math.min(rows, 65536) });
}

function applyBatching({ dynamic_batching: batching }: TritonConfig, draft: Draft): void {
  if (batching === undefined) return;
  const { config } = draft;
  const {
    preferred_batch_size: preferred = [],
    max_queue_delay_microseconds: delay,
    priority_levels: levels,
  } = batching;
  if (preferred.length > 0) config.preferred_batch_rows = preferred;
  if (delay !== undefined) config.max_delay_ms = delay / 1000;
  if (batching.preserve_ordering) config.preserve_ordering = true;
  if (levels) {
    const standard = batching.default_priority_level;
    config.priority = { levels, ...(standard && { default: standard }) };
  }
  if (batching.priority_queue_policy)
    draft.note("'dynamic_batching.priority_queue_policy' has no effect here: levels share one policy");
  const queue = batching.default_queue_policy;
  if (queue === undefined) return;
  if (queue.allow_timeout_override) {
    draft.note("'allow_timeout_override': a request may ask for a shorter timeout, never for a longer one");
  }
  if (queue.max_queue_size) draft.note("'max_queue_size' counts rows here, not requests");
  config.queue = {
    ...(queue.max_queue_size && { max_rows: queue.max_queue_size }),
    ...(queue.default_timeout_microseconds && { timeout_ms: queue.default_timeout_microseconds / 1000 }),
    ...(queue.timeout_action && { on_timeout: queue.timeout_action.toLowerCase() }),
  };
}

function applyOptimization({ optimization }: TritonConfig, draft: Draft): void {
  for (const key of unusedOptimizations) {
    if (optimization?.[key]) draft.note(`'optimization.${key}' has no effect here`);
  }
  if (optimization?.gather_kernel_buffer_threshold) {
    draft.note("'optimization.gather_kernel_buffer_threshold' has no effect here");
  }
  if (optimization?.priority && optimization.priority !== "PRIORITY_DEFAULT") {
    draft.note("'optimization.priority' has no effect here");
  }
}

/** More than this repeats what is known. */
const mostWarmups = 100;

/** Each sample as often as it is asked for; random data are zeros here. */
function applyWarmup({ model_warmup: samples = [], max_batch_size: rows = 0 }: TritonConfig, draft: Draft): void {
  const requests = samples.flatMap(({ name = "", batch_size: batch = 1, inputs = {}, count = 1 }) => {
    const files = Object.values(inputs).filter(({ input_data_file: file }) => file);
    if (files.length > 0)
      draft.note(`'input_data_file' of model_warmup '${name}' has no effect here: the input is zeros`);
    const tensors = Object.entries(inputs).map(([input, { data_type: type = "", dims = [] }]) => ({
      name: input,
      datatype: datatypeOf(type),
      shape: rows > 0 ? [batch || 1, ...dims] : dims,
    }));
    return new Array(Math.min(count || 1, mostWarmups)).fill({ inputs: tensors });
  });
  if (requests.length > 0) draft.config.warmup = { requests };
}

/** Class names of the first output that has a file of them. */
function applyLabels({ output = [] }: TritonConfig, draft: Draft): void {
  const [first, ...others] = output.filter(({ label_filename: file }) => file);
  if (first) draft.config.labels = first.label_filename;
  for (const { name } of others)
    draft.note(`'label_filename' of output '${name}' has no effect: one output has labels`);
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== "" && JSON.stringify(value) !== "{}";
}
