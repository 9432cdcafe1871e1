// SPDX-License-Identifier: Apache-2.0
// Where and how a Triton model runs: instances, execution providers, options of ONNX Runtime.
import type { Draft, TritonConfig } from "./triton-config.js";

interface Provider {
  name: string;
  options: Record<string, string>;
}

const unusedOfGroup = ["rate_limiter", "secondary_devices", "profile", "host_policy"] as const;

/** Instances of all groups together; a group on GPUs puts CUDA first. */
export function applyInstances({ instance_group: groups = [] }: TritonConfig, draft: Draft): void {
  let instances = 0;
  for (const group of groups) {
    const { kind = "KIND_AUTO", count = 0, gpus = [], passive } = group;
    if (kind === "KIND_MODEL") draft.note("'instance_group.kind' KIND_MODEL has no effect here");
    instances += count;
    for (const key of unusedOfGroup) {
      const value = group[key];
      if (Array.isArray(value) ? value.length > 0 : value) draft.note(`'instance_group.${key}' has no effect here`);
    }
    if (passive) draft.note("'instance_group.passive' has no effect here");
    if (kind !== "KIND_GPU") continue;
    const [device = 0, ...more] = gpus;
    if (more.length > 0) draft.note(`'instance_group.gpus': a model runs on one device here, on ${device}`);
    addProvider(draft, { name: "cuda", options: { device_id: String(device) } });
  }
  if (instances > 0) draft.config.instances = instances;
}

/** Triton's names of TensorRT's options. */
const tensorrtOptions: ReadonlyMap<string, (value: string) => Record<string, string>> = new Map([
  [
    "precision_mode",
    (value: string) => ({
      trt_fp16_enable: value === "FP16" ? "1" : "0",
      trt_int8_enable: value === "INT8" ? "1" : "0",
    }),
  ],
  ["max_workspace_size_bytes", (value: string): Record<string, string> => ({ trt_max_workspace_size: value })],
]);

/** Accelerators come before CUDA, in their order. */
export function applyAccelerators({ optimization }: TritonConfig, draft: Draft): void {
  const { gpu_execution_accelerator: gpu = [], cpu_execution_accelerator: cpu = [] } =
    optimization?.execution_accelerators ?? {};
  for (const { name = "" } of cpu) draft.note(`'cpu_execution_accelerator' ${name} is not in this build`);
  for (const { name = "", parameters = {} } of [...gpu].reverse()) {
    if (name !== "tensorrt" && name !== "cuda") {
      draft.note(`'gpu_execution_accelerator' ${name} has no effect here`);
      continue;
    }
    const options: Record<string, string> = {};
    for (const [key, value] of Object.entries(parameters)) {
      const known = name === "tensorrt" ? tensorrtOptions.get(key) : undefined;
      if (known) Object.assign(options, known(value));
      else if (name === "cuda" || key.startsWith("trt_")) options[key] = value;
      else draft.note(`the parameter '${key}' of 'gpu_execution_accelerator' ${name} has no effect here`);
    }
    addProvider(draft, { name, options });
  }
  cudaGraphs(optimization?.cuda, draft);
  graphLevel(optimization?.graph?.level ?? 0, draft);
}

/** Of the first accelerator; the sizes of graphs are those of batches here. */
function cudaGraphs(cuda: NonNullable<TritonConfig["optimization"]>["cuda"], draft: Draft): void {
  const { graphs = false, ...rest } = cuda ?? {};
  for (const [key, value] of Object.entries(rest)) {
    if (value) draft.note(`'optimization.cuda.${key}' has no effect here`);
  }
  if (!graphs) return;
  const first = (draft.config.providers as Provider[] | undefined)?.[0];
  if (first?.name === "tensorrt") first.options.trt_cuda_graph_enable = "1";
  else if (first?.name === "cuda") first.options.enable_cuda_graph = "1";
  else draft.note("'optimization.cuda.graphs' has no effect on a model that does not run on a GPU");
}

/** To the front; the CPU is always last. */
function addProvider(draft: Draft, provider: Provider): void {
  const before = (draft.config.providers as Provider[] | undefined) ?? [{ name: "cpu", options: {} }];
  const same = before.find(({ name }) => name === provider.name);
  const options = { ...same?.options, ...provider.options };
  draft.config.providers = [{ name: provider.name, options }, ...before.filter((one) => one !== same)];
}

function graphLevel(level: number, draft: Draft): void {
  const levels: Readonly<Record<number, string>> = { [-1]: "enable_basic", 1: "enable_extended" };
  const value = levels[level];
  if (value !== undefined) sessionOption(draft, "session.graph_optimization_level", value);
  else if (level !== 0)
    draft.note(`'optimization.graph.level': expected -1, 0 or 1, got ${level}; all optimizations are on`);
}

/** Parameters of Triton's ONNX Runtime backend that are options of the session. */
const sessionParameters: ReadonlyMap<string, string> = new Map([
  ["enable_mem_arena", "session.enable_cpu_mem_arena"],
  ["enable_mem_pattern", "session.enable_mem_pattern"],
]);
/** Those that are options of the CUDA provider. */
const cudaParameters: ReadonlySet<string> = new Set([
  "cudnn_conv_algo_search",
  "gpu_mem_limit",
  "arena_extend_strategy",
  "do_copy_in_default_stream",
  "cudnn_conv_use_max_workspace",
]);

export function applyParameters({ parameters = {} }: TritonConfig, draft: Draft): void {
  for (const [key, { string_value: value = "" }] of Object.entries(parameters)) {
    const session = sessionParameters.get(key) ?? (/^(session|optimization)\./.test(key) ? key : undefined);
    if (key === "intra_op_thread_count") draft.config.intra_op_threads = threadsOf(value, draft);
    else if (session !== undefined) sessionOption(draft, session, value);
    else if (cudaParameters.has(key)) cudaOption(draft, key, value);
    else draft.note(`the parameter '${key}' has no effect here`);
  }
}

function threadsOf(value: string, draft: Draft): number {
  const threads = Number(value);
  if (Number.isInteger(threads) && threads >= 0) return threads;
  throw draft.fault(`'parameters.intra_op_thread_count': expected a number of threads, got ${value}`);
}

function cudaOption(draft: Draft, key: string, value: string): void {
  const providers = (draft.config.providers as Provider[] | undefined) ?? [];
  const cuda = providers.find(({ name }) => name === "cuda");
  if (cuda) cuda.options[key] = value;
  else draft.note(`the parameter '${key}' has no effect on a model that does not run on CUDA`);
}

function sessionOption(draft: Draft, key: string, value: string): void {
  draft.config.session_options = { ...(draft.config.session_options as object | undefined), [key]: value };
}
