// SPDX-License-Identifier: Apache-2.0
// A loaded version in the shape of Triton's ModelConfig: what is in effect, whether it was configured or found out.
import type { ModelMetadata, TensorSpec } from "../runtime/model.js";
import { type ModelConfig, providersOf } from "./model-config.js";
import type { Servable } from "./model-store.js";

/** The JSON form of `ModelConfig`, snake_case; every scalar field is there, a policy only where it applies. */
export type ModelConfiguration = Readonly<Record<string, unknown>>;

/** `dims` leave out the batch dimension where `max_batch_size` is not 0. Times are in microseconds. */
export function configurationOf({ name, model, config }: Servable): ModelConfiguration {
  const { metadata } = model;
  return {
    name,
    platform: "onnxruntime_onnx",
    backend: "onnxruntime",
    runtime: "",
    version_policy: versionPolicy(config),
    max_batch_size: maxBatchSize(metadata, config),
    input: metadata.inputs.map((spec) => inputOf(spec, metadata.batched)),
    output: metadata.outputs.map((spec) => outputOf(spec, metadata.batched)),
    batch_input: [],
    batch_output: [],
    optimization: { priority: "PRIORITY_DEFAULT", execution_accelerators: acceleratorsOf(metadata) },
    ...(metadata.batched && config.batching !== "off" && { dynamic_batching: dynamicBatching(config) }),
    instance_group: [instanceGroup(name, metadata, config)],
    default_model_filename: config.model_file ?? "model.onnx",
    cc_model_filenames: {},
    metric_tags: {},
    parameters: parametersOf(metadata, config),
    model_warmup: [],
    model_operations: { op_library_filename: [] },
    model_transaction_policy: { decoupled: false },
    model_repository_agents: { agents: [] },
    response_cache: { enable: config.cache !== undefined && config.cache !== false },
  };
}

function versionPolicy({ versions = "all" }: ModelConfig) {
  if (versions === "all") return { all: {} };
  if (Array.isArray(versions)) return { specific: { versions: versions.map(Number) } };
  return { latest: { num_versions: versions.latest } };
}

/** Rows that one request may bring; where that is not bounded, rows of the largest batch. 0: the model is not batched. */
function maxBatchSize({ batched, maxBatchRows }: ModelMetadata, config: ModelConfig): number {
  return batched ? config.max_request_rows || maxBatchRows : 0;
}

function inputOf(spec: TensorSpec, batched: boolean) {
  return {
    ...tensorOf(spec, batched),
    format: "FORMAT_NONE",
    is_shape_tensor: false,
    allow_ragged_batch: false,
    optional: spec.optional,
    is_non_linear_format_io: false,
  };
}

/** Class names are in the configuration itself, not in a file of the model's directory: `label_filename` is empty. */
function outputOf(spec: TensorSpec, batched: boolean) {
  return {
    ...tensorOf(spec, batched),
    label_filename: "",
    is_shape_tensor: false,
    is_non_linear_format_io: false,
  };
}

function tensorOf({ name, datatype, shape }: TensorSpec, batched: boolean) {
  return {
    name,
    data_type: `TYPE_${datatype === "BYTES" ? "STRING" : datatype}`,
    dims: batched ? shape.slice(1) : shape,
  };
}

function dynamicBatching(config: ModelConfig) {
  const { queue, priority, max_delay_ms: delay } = config;
  const levels = priority?.levels ?? 1;
  return {
    preferred_batch_size: config.preferred_batch_rows ?? [],
    max_queue_delay_microseconds: typeof delay === "number" ? Math.round(delay * 1000) : 0,
    preserve_ordering: config.preserve_ordering ?? false,
    priority_levels: levels > 1 ? levels : 0,
    default_priority_level: levels > 1 ? (priority?.default ?? Math.ceil(levels / 2)) : 0,
    default_queue_policy: {
      timeout_action: queue?.on_timeout === "delay" ? "DELAY" : "REJECT",
      default_timeout_microseconds: Math.round((queue?.timeout_ms ?? 0) * 1000),
      allow_timeout_override: true,
      max_queue_size: queue?.max_rows || defaultQueueRows,
    },
    priority_queue_policy: {},
  };
}

/** Of `ModelOptions.maxQueueRows`. */
const defaultQueueRows = 4096;

function isAccelerator(name: string): boolean {
  return name === "cuda" || name === "tensorrt";
}

function instanceGroup(name: string, { instances, providers }: ModelMetadata, config: ModelConfig) {
  const accelerator = providers.find((provider) => provider.active && isAccelerator(provider.name));
  const device = providersOf(config).find((provider) => provider.name === accelerator?.name)?.options.device_id;
  return {
    name,
    kind: accelerator ? "KIND_GPU" : "KIND_CPU",
    count: instances,
    gpus: accelerator ? [Number(device ?? 0)] : [],
    secondary_devices: [],
    profile: [],
    passive: false,
    host_policy: "",
  };
}

function acceleratorsOf({ providers }: ModelMetadata) {
  const used = providers.filter(({ name, active }) => active && isAccelerator(name));
  return {
    gpu_execution_accelerator: used.map(({ name }) => ({ name, parameters: {} })),
    cpu_execution_accelerator: [],
  };
}

function parametersOf({ intraOpThreads }: ModelMetadata, config: ModelConfig) {
  const options = { intra_op_thread_count: String(intraOpThreads), ...config.session_options };
  return Object.fromEntries(Object.entries(options).map(([key, value]) => [key, { string_value: value }]));
}
