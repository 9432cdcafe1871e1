// SPDX-License-Identifier: Apache-2.0
// Options of ONNX Runtime that make it read, write or load files. Whoever owns a model's directory may set them; whoever may only
// reach the port may not, for the server's files are not theirs.
import { type ModelConfig, providersOf } from "./model-config.js";

/** They name a file, a folder, a library or the beginning of a name, or have a file written whose name they do not choose. */
export const fileOptions: ReadonlySet<string> = new Set([
  "ep.context_enable",
  "ep.context_file_path",
  "ep.context_model_external_initializers_file_name",
  "ep.context_source_model_path",
  "session.collect_node_memory_stats_to_file",
  "session.enable_profiling",
  "session.model_external_initializers_file_folder_path",
  "session.node_partition_config_file",
  "session.optimized_model_external_initializers_file_name",
  "session.optimized_model_filepath",
  "session.resource_cuda_partitioning_settings",
  "session.save_external_prepacked_constant_initializers",
  "trt_dump_ep_context_model",
  "trt_dump_subgraphs",
  "trt_engine_cache_path",
  "trt_engine_cache_prefix",
  "trt_engine_decryption_lib_path",
  "trt_ep_context_file_path",
  "trt_extra_plugin_lib_paths",
  "trt_int8_calibration_table_name",
  "trt_onnx_model_folder_path",
  "trt_timing_cache_path",
]);

/** The first option of `config` that touches files, or may for all that is known of it, as a path of keys. */
export function findFileOption(config: ModelConfig): string | undefined {
  const groups: [string, object][] = [
    ["session_options", config.session_options ?? {}],
    ...providersOf(config).map(({ options }, index): [string, object] => [`providers.${index}.options`, options]),
  ];
  for (const [group, options] of groups) {
    // "x-" hands any key to ONNX Runtime.
    const key = Object.keys(options).find((name) => fileOptions.has(name) || name.startsWith("x-"));
    if (key !== undefined) return `${group}.${key}`;
  }
  return undefined;
}
