// SPDX-License-Identifier: Apache-2.0
// The fields of Triton's ModelConfig (model_config.proto).

/** "[]": repeated; "{}": a map, from text or numbers to the type. "any": read, never looked into. */
export type FieldType =
  | Scalar
  | `${Scalar}[]`
  | `${MessageName}`
  | `${MessageName}[]`
  | `${MessageName}{}`
  | "string{}"
  | "any"
  | "any[]"
  | "any{}";
/** "count": an integer that is not negative. */
export type Scalar = "string" | "integer" | "count" | "bool" | "enum";
export type MessageName = keyof typeof messages;

export const messages = {
  ModelConfig: {
    name: "string",
    platform: "string",
    backend: "string",
    runtime: "string",
    version_policy: "VersionPolicy",
    max_batch_size: "integer",
    input: "Input[]",
    output: "Output[]",
    batch_input: "any[]",
    batch_output: "any[]",
    optimization: "Optimization",
    dynamic_batching: "DynamicBatching",
    sequence_batching: "any",
    ensemble_scheduling: "any",
    instance_group: "InstanceGroup[]",
    default_model_filename: "string",
    cc_model_filenames: "string{}",
    metric_tags: "string{}",
    parameters: "Parameter{}",
    model_warmup: "Warmup[]",
    model_operations: "any",
    model_transaction_policy: "TransactionPolicy",
    model_repository_agents: "any",
    response_cache: "ResponseCache",
    model_metrics: "any",
  },
  VersionPolicy: { latest: "LatestPolicy", all: "AllPolicy", specific: "SpecificPolicy" },
  LatestPolicy: { num_versions: "count" },
  AllPolicy: {},
  SpecificPolicy: { versions: "integer[]" },
  Input: {
    name: "string",
    data_type: "enum",
    format: "enum",
    dims: "integer[]",
    reshape: "Reshape",
    is_shape_tensor: "bool",
    allow_ragged_batch: "bool",
    optional: "bool",
    is_non_linear_format_io: "bool",
  },
  Output: {
    name: "string",
    data_type: "enum",
    dims: "integer[]",
    reshape: "Reshape",
    label_filename: "string",
    is_shape_tensor: "bool",
    is_non_linear_format_io: "bool",
  },
  Reshape: { shape: "integer[]" },
  InstanceGroup: {
    name: "string",
    kind: "enum",
    count: "count",
    rate_limiter: "any",
    gpus: "integer[]",
    secondary_devices: "any[]",
    profile: "string[]",
    passive: "bool",
    host_policy: "string",
  },
  DynamicBatching: {
    preferred_batch_size: "integer[]",
    max_queue_delay_microseconds: "count",
    preserve_ordering: "bool",
    priority_levels: "count",
    default_priority_level: "count",
    default_queue_policy: "QueuePolicy",
    priority_queue_policy: "any{}",
  },
  QueuePolicy: {
    timeout_action: "enum",
    default_timeout_microseconds: "count",
    allow_timeout_override: "bool",
    max_queue_size: "count",
  },
  /** Graphs have the sizes of batches here, whatever `graph_spec` says. */
  CudaOptimization: { graphs: "bool", busy_wait_events: "bool", graph_spec: "any", output_copy_stream: "bool" },
  Optimization: {
    graph: "Graph",
    priority: "enum",
    cuda: "CudaOptimization",
    execution_accelerators: "Accelerators",
    input_pinned_memory: "any",
    output_pinned_memory: "any",
    gather_kernel_buffer_threshold: "integer",
    eager_batching: "bool",
  },
  Graph: { level: "integer" },
  Accelerators: { gpu_execution_accelerator: "Accelerator[]", cpu_execution_accelerator: "Accelerator[]" },
  Accelerator: { name: "string", parameters: "string{}" },
  Parameter: { string_value: "string" },
  Warmup: { name: "string", batch_size: "count", inputs: "WarmupInput{}", count: "count" },
  WarmupInput: {
    data_type: "enum",
    dims: "integer[]",
    zero_data: "bool",
    random_data: "bool",
    input_data_file: "string",
  },
  TransactionPolicy: { decoupled: "bool" },
  ResponseCache: { enable: "bool" },
} as const;
