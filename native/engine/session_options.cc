// SPDX-License-Identifier: Apache-2.0
#include "engine/session_options.h"

#include <algorithm>
#include <array>

namespace ortserve {

namespace {

using enum OptionType;
using enum OptionSetter;

constexpr std::string_view kByThreads = "cannot be set here: it follows from the number of intra-op threads";
constexpr std::string_view kBySequence =
    "cannot be set here: runs are sequential, parallelism comes from concurrent runs";
constexpr std::string_view kByEngine = "cannot be set here: the process has one environment, made by ortserve";

constexpr std::array kTable = std::to_array<OptionSpec>({
    {"ep.context_embed_mode", kBool, "store the provider's compiled blob inside the context model"},
    {"ep.context_enable", kBool, "write a model that holds the provider's compiled parts"},
    {"ep.context_file_path", kText, "where to write that model"},
    {"ep.context_model_external_initializers_file_name", kText, "file for the weights left in the context model"},
    {"ep.context_node_name_prefix", kText, "prefix that makes context node names unique"},
    {"ep.context_source_model_path", kText, "original model of a context model without weights"},
    {"ep.enable_weightless", kBool, "compile without copying the weights"},
    {"ep.share_ep_contexts", kBool, "share the provider's resources between sessions"},
    {"ep.stop_share_ep_contexts", kBool, "stop sharing from this session on"},
    {"free_dimension_override.", kInt, "fixes the symbolic dimension named after the dot", 1, INT64_MAX, "",
     kFreeDimension},
    {"mlas.disable_kleidiai", kBool, "do not use the KleidiAI kernels on arm64"},
    {"mlas.enable_gemm_fastmath_arm64_bfloat16", kBool, "FP32 matrix products by BF16 arithmetic on arm64"},
    {"mlas.kleidiai.conv_igemm_max_work", kInt, "largest convolution the KleidiAI kernels take"},
    {"mlas.use_lut_gemm", kBool, "matrix products by look-up tables for low-bit weights"},
    {"optimization.constant_folding_max_output_size_in_bytes", kInt,
     "bound on a folded constant, for untrusted models"},
    {"optimization.disable_specified_optimizers", kText, "comma-separated optimizers to leave out"},
    {"optimization.enable_cast_chain_elimination", kBool, "drop casts between casts; may change results"},
    {"optimization.enable_gelu_approximation", kBool, "approximate Gelu; changes results slightly"},
    {"optimization.minimal_build_optimizations", kChoice, "for models in ORT format", 0, 0, "save|apply"},
    {"ortserve.device_path", kChoice,
     "how tensors reach the device: plain runs, bound to memory that it reads directly, or at fixed addresses", 0, 0,
     "auto|direct|bound|fixed", kEngine},
    {"session.allow_released_opsets_only", kBool, "refuse models of unreleased opsets"},
    {"session.collect_node_memory_stats_to_file", kText, "CSV file for memory use per node"},
    {"session.disable_aot_function_inlining", kBool, "keep model-local functions until run time"},
    {"session.disable_cpu_ep_fallback", kBool, "fail when a node would land on the CPU"},
    {"session.disable_double_qdq_remover", kBool, "keep double quantize-dequantize pairs"},
    {"session.disable_model_compile", kBool, "refuse models that a provider would have to compile"},
    {"session.disable_prepacking", kBool, "do not repack weights: less memory, slower"},
    {"session.disable_qdq_constant_folding", kBool, "do not fold constants through quantize-dequantize pairs"},
    {"session.disable_quant_qdq", kBool, "do not fuse quantize-dequantize pairs into integer operators"},
    {"session.dynamic_block_base", kInt, "splits parallel loops more finely as they proceed; 4 lowers the variance"},
    {"session.enable_cpu_mem_arena", kBool, "keep freed memory for the next run"},
    {"session.enable_dq_matmulnbits_fusion", kBool, "fuse dequantize and matrix product for low-bit weights"},
    {"session.enable_mem_pattern", kBool, "plan one block per set of input shapes; off by default for dynamic shapes"},
    {"session.enable_profiling", kText, "file prefix of ONNX Runtime's own profile"},
    {"session.enable_quant_qdq_cleanup", kBool, "remove leftover quantize-dequantize pairs"},
    {"session.execution_mode", kText, kBySequence, 0, 0, "", kManaged},
    {"session.fail_on_suboptimal_compiled_model", kBool, "refuse compiled models that should be compiled again"},
    {"session.force_spinning_stop", kBool, "stop spinning when the last run ends; on by default with several threads"},
    {"session.graph_optimization_level", kChoice, "how far the graph is rewritten at load", 0, 0,
     "disable_all|enable_basic|enable_extended|enable_layout|enable_all"},
    {"session.graph_optimizations_loop_level", kInt, "repeat optimizations until nothing changes", 0, 2},
    {"session.inter_op.allow_spinning", kText, kBySequence, 0, 0, "", kManaged},
    {"session.inter_op_num_threads", kText, kBySequence, 0, 0, "", kManaged},
    {"session.intra_op.allow_spinning", kBool, "idle threads wait busily during a run"},
    {"session.intra_op.spin_backoff_max", kInt, "longest pause between looks while spinning", 1, 64},
    {"session.intra_op.spin_duration_us", kInt, "microseconds to spin before sleeping", 0, 1'000'000},
    {"session.intra_op_num_threads", kText, kByThreads, 0, 0, "", kManaged},
    {"session.intra_op_thread_affinities", kText, "processors per thread, such as 1,2;3,4"},
    {"session.layer_assignment_settings", kText, "places annotated layers on devices"},
    {"session.load_model_format", kChoice, "format of the model file", 0, 0, "ONNX|ORT"},
    {"session.log_id", kText, "name of the session in ONNX Runtime's log"},
    {"session.log_severity_level", kInt, "least severity logged, 0 (verbose) to 4 (fatal)", 0, 4},
    {"session.log_verbosity_level", kInt, "detail of verbose lines"},
    {"session.max_shape_override", kText, "largest input shapes, for workspace estimates"},
    {"session.model_external_initializers_file_folder_path", kText, "folder of the model's external data"},
    {"session.name_based_layer_assignment", kText, "places layers on devices by node name"},
    {"session.node_partition_config_file", kText, "file that assigns nodes to streams"},
    {"session.optimized_model_external_initializers_file_name", kText, "file for the weights of the optimized model"},
    {"session.optimized_model_external_initializers_min_size_in_bytes", kInt, "smallest weight to put there"},
    {"session.optimized_model_filepath", kText, "where to write the optimized model"},
    {"session.qdq_matmulnbits_accuracy_level", kInt, "accuracy level of fused low-bit products", 0, 4},
    {"session.qdq_matmulnbits_block_size", kInt, "block size of fused low-bit products; -1 picks one", -1, 1 << 20},
    {"session.qdqisint8allowed", kBool, "keep INT8 quantize-dequantize pairs when exporting for arm64"},
    {"session.record_ep_graph_assignment_info", kBool, "remember which provider runs which node"},
    {"session.resource_cuda_partitioning_settings", kText, "memory limit and statistics for placing nodes on CUDA"},
    {"session.save_external_prepacked_constant_initializers", kBool,
     "write repacked weights beside the optimized model"},
    {"session.save_model_format", kChoice, "format of the optimized model", 0, 0, "ONNX|ORT"},
    {"session.set_denormal_as_zero", kBool, "flush denormals: much faster for decaying recurrent state"},
    {"session.strict_shape_type_inference", kBool, "fail on inconsistent shapes instead of logging them"},
    {"session.use_deterministic_compute", kBool, "prefer kernels whose results do not vary between runs"},
    {"session.use_device_allocator_for_initializers", kBool, "keep weights out of the arena"},
    {"session.use_env_allocators", kText, kByEngine, 0, 0, "", kManaged},
    {"session.use_memory_mapped_ort_model", kBool, "map a model in ORT format instead of reading it"},
    {"session.use_ort_model_bytes_for_initializers", kBool, "use weights from the mapped model in place"},
    {"session.use_per_session_threads", kText, kByEngine, 0, 0, "", kManaged},
    {"session.x64quantprecision", kBool, "slower, exact U8U8 products on x64 without VNNI"},
});

const CheckedOption* find_checked(const std::vector<CheckedOption>& options, std::string_view key) noexcept {
  const auto found = std::ranges::find(options, key, &CheckedOption::key);
  return found == options.end() ? nullptr : &*found;
}

void set_defaults(Ort::SessionOptions& session, int intra_op_threads, bool dynamic_shapes) {
  session.SetExecutionMode(ORT_SEQUENTIAL);
  session.SetGraphOptimizationLevel(ORT_ENABLE_ALL);
  session.SetIntraOpNumThreads(intra_op_threads);
  // Spinning inside a run halves its latency; spinning between runs would take the cores from everybody else.
  session.AddConfigEntry("session.intra_op.allow_spinning", intra_op_threads > 1 ? "1" : "0");
  session.AddConfigEntry("session.force_spinning_stop", "1");
  // Patterns are kept for each distinct set of input shapes: memory grows with every new shape.
  if (dynamic_shapes) session.DisableMemPattern();
}

}  // namespace

std::span<const OptionSpec> session_option_table() noexcept {
  return kTable;
}

Result<std::vector<CheckedOption>> check_session_options(const SessionConfig& config) {
  std::vector<CheckedOption> checked;
  for (const auto& [key, value] : config.options) {
    auto option = check_option(kTable, "session option", key, value);
    if (!option.ok()) return option.take_status();
    checked.push_back(std::move(*option));
  }
  return checked;
}

bool is_set(const std::vector<CheckedOption>& options, std::string_view key) noexcept {
  return find_checked(options, key) != nullptr;
}

std::string_view value_of(const std::vector<CheckedOption>& options, std::string_view key,
                          std::string_view otherwise) noexcept {
  const CheckedOption* const option = find_checked(options, key);
  return option ? std::string_view(option->value) : otherwise;
}

bool is_on(const std::vector<CheckedOption>& options, std::string_view key) noexcept {
  const CheckedOption* const option = find_checked(options, key);
  return option && option->value == "1";
}

Ort::SessionOptions make_session_options(int intra_op_threads, const std::vector<CheckedOption>& options,
                                         bool dynamic_shapes) {
  Ort::SessionOptions session;
  set_defaults(session, intra_op_threads, dynamic_shapes);
  for (const auto& [key, value, setter] : options) {
    if (setter == kEngine) continue;
    if (setter == kFreeDimension) {
      Ort::ThrowOnError(Ort::GetApi().AddFreeDimensionOverrideByName(session, key.c_str(), std::stoll(value)));
    } else {
      session.AddConfigEntry(key.c_str(), value.c_str());
    }
  }
  return session;
}

}  // namespace ortserve
