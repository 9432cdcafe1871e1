// SPDX-License-Identifier: Apache-2.0
#include "engine/provider_options.h"

#include <array>

namespace ortserve {

namespace {

using enum OptionType;
using enum OptionSetter;

constexpr std::string_view kNoPointers = "cannot be set here: it is an address inside the process";
constexpr int64_t kLastDevice = 1023;

constexpr std::array kCuda = std::to_array<OptionSpec>({
    {"arena_extend_strategy", kChoice, "how the device arena grows", 0, 0, "kNextPowerOfTwo|kSameAsRequested"},
    {"cudnn_conv1d_pad_to_nc1d", kBool, "run 1-D convolutions as [N,C,1,D]"},
    {"cudnn_conv_algo_search", kChoice, "how a convolution kernel is chosen per input shape", 0, 0,
     "EXHAUSTIVE|HEURISTIC|DEFAULT"},
    {"cudnn_conv_use_max_workspace", kBool, "let convolutions use as much scratch memory as they like"},
    {"device_id", kInt, "which GPU", 0, kLastDevice},
    {"do_copy_in_default_stream", kBool, "copy and compute in one stream"},
    {"enable_cuda_graph", kBool, "capture and replay the kernels; fixed shapes only"},
    {"enable_cudnn", kBool, "0 runs models without convolutions where cuDNN is not installed"},
    {"enable_skip_layer_norm_strict_mode", kBool, "FP32 sums in SkipLayerNormalization"},
    {"fuse_conv_bias", kBool, "fuse convolution and bias"},
    {"gpu_external_alloc", kText, kNoPointers, 0, 0, "", kManaged},
    {"gpu_external_empty_cache", kText, kNoPointers, 0, 0, "", kManaged},
    {"gpu_external_free", kText, kNoPointers, 0, 0, "", kManaged},
    {"gpu_mem_limit", kInt, "bytes the device arena may take; libraries' own workspaces come on top", 1},
    {"has_user_compute_stream", kText, kNoPointers, 0, 0, "", kManaged},
    {"prefer_nhwc", kBool, "channels-last convolutions, for FP16 on tensor cores"},
    {"sdpa_kernel", kInt, "bit mask of attention kernels"},
    {"tunable_op_enable", kBool, "use kernels that were tuned before"},
    {"tunable_op_max_tuning_duration_ms", kInt, "longest tuning of one kernel"},
    {"tunable_op_tuning_enable", kBool, "tune kernels while running: stalls"},
    {"use_ep_level_unified_stream", kBool, "one stream for all runs: they wait for each other"},
    {"use_tf32", kBool, "19-bit arithmetic for FP32 on Ampere and later: faster, about 1e-3 off"},
    {"user_compute_stream", kText, kNoPointers, 0, 0, "", kManaged},
});

constexpr std::array kTensorrt = std::to_array<OptionSpec>({
    {"device_id", kInt, "which GPU", 0, kLastDevice},
    {"has_user_compute_stream", kText, kNoPointers, 0, 0, "", kManaged},
    {"trt_auxiliary_streams", kInt, "extra streams per inference; 0 takes the least memory, -1 lets TensorRT choose",
     -1, 64},
    {"trt_bf16_enable", kBool, "allow BF16 kernels"},
    {"trt_build_heuristics_enable", kBool, "shorter, less thorough builds"},
    {"trt_builder_optimization_level", kInt, "build effort", 0, 5},
    {"trt_context_memory_sharing_enable", kBool, "subgraphs share scratch memory"},
    {"trt_cuda_graph_enable", kBool, "capture and replay the kernels; fixed shapes only"},
    {"trt_detailed_build_log", kBool, "log every build step"},
    {"trt_dla_core", kInt, "which DLA core", 0, 15},
    {"trt_dla_enable", kBool, "use the Deep Learning Accelerator"},
    {"trt_dump_ep_context_model", kBool, "write a model that holds the engine"},
    {"trt_dump_subgraphs", kBool, "write each subgraph as ONNX, for debugging"},
    {"trt_engine_cache_enable", kBool, "keep built engines on disk"},
    {"trt_engine_cache_path", kText, "folder of those engines: one per model, ONNX Runtime, TensorRT and GPU kind"},
    {"trt_engine_cache_prefix", kText, "file prefix of those engines"},
    {"trt_engine_decryption_enable", kBool, "engines on disk are encrypted"},
    {"trt_engine_decryption_lib_path", kText, "library that decrypts them"},
    {"trt_engine_hw_compatible", kBool, "engines for any GPU from Ampere on"},
    {"trt_ep_context_embed_mode", kBool, "store the engine inside the context model"},
    {"trt_ep_context_file_path", kText, "where to write the context model"},
    {"trt_external_data_bytestream", kText, kNoPointers, 0, 0, "", kManaged},
    {"trt_external_data_bytestream_size", kText, kNoPointers, 0, 0, "", kManaged},
    {"trt_extra_plugin_lib_paths", kText, "libraries with plugins"},
    {"trt_force_sequential_engine_build", kBool, "build one engine at a time"},
    {"trt_force_timing_cache", kBool, "use a timing cache of another device of the same kind"},
    {"trt_fp16_enable", kBool, "allow FP16 kernels"},
    {"trt_int8_calibration_table_name", kText, "calibration table, for models without quantize-dequantize pairs"},
    {"trt_int8_enable", kBool, "allow INT8 kernels"},
    {"trt_int8_use_native_calibration_table", kBool, "the table is TensorRT's own"},
    {"trt_layer_norm_fp32_fallback", kBool, "FP32 layer norms in an FP16 engine"},
    {"trt_load_user_initializer", kBool, "take the weights from the session"},
    {"trt_max_partition_iterations", kInt, "bound on splitting the graph", 1},
    {"trt_max_workspace_size", kInt, "bytes of scratch memory; 0: all", 0},
    {"trt_min_subgraph_size", kInt, "fewest nodes worth an engine", 1},
    {"trt_onnx_bytestream", kText, kNoPointers, 0, 0, "", kManaged},
    {"trt_onnx_bytestream_size", kText, kNoPointers, 0, 0, "", kManaged},
    {"trt_onnx_model_folder_path", kText, "folder of the ONNX model that refits a stripped engine"},
    {"trt_op_types_to_exclude", kText, "comma-separated operators to leave to other providers"},
    {"trt_preview_features", kText, "comma-separated preview features"},
    {"trt_profile_max_shapes", kText, "largest shapes, such as images:32x3x224x224"},
    {"trt_profile_min_shapes", kText, "smallest shapes, every dynamic input listed"},
    {"trt_profile_opt_shapes", kText, "shapes to optimise for"},
    {"trt_sparsity_enable", kBool, "use 2:4 pruned weights"},
    {"trt_tactic_sources", kText, "kernel libraries to use or leave"},
    {"trt_timing_cache_enable", kBool, "keep kernel timings on disk: shorter rebuilds"},
    {"trt_timing_cache_path", kText, "folder of those timings"},
    {"trt_weight_stripped_engine_enable", kBool, "small engines, refitted from the model at load"},
    {"user_compute_stream", kText, kNoPointers, 0, 0, "", kManaged},
});

}  // namespace

std::span<const OptionSpec> cuda_option_table() noexcept {
  return kCuda;
}

std::span<const OptionSpec> tensorrt_option_table() noexcept {
  return kTensorrt;
}

const ProviderSettings& cuda_defaults() {
  static const auto& defaults = *new ProviderSettings{
      {"arena_extend_strategy", "kSameAsRequested"},  // power of two may take twice what is needed
      {"cudnn_conv_algo_search", "HEURISTIC"},        // EXHAUSTIVE stalls on each new shape, DEFAULT may run 50x slower
  };
  return defaults;
}

const ProviderSettings& tensorrt_defaults() {
  static const auto& defaults = *new ProviderSettings{{"trt_context_memory_sharing_enable", "1"}};
  return defaults;
}

Result<ProviderSettings> provider_settings(std::span<const OptionSpec> table, const std::string& provider,
                                           const ProviderSettings& defaults,
                                           const std::map<std::string, std::string>& options) {
  ProviderSettings settings = defaults;
  for (const auto& [key, value] : options) {
    auto option = check_option(table, provider + " option", key, value);
    if (!option.ok()) return option.take_status();
    settings[option->key] = option->value;
  }
  return settings;
}

}  // namespace ortserve
