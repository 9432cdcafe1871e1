// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>
#include <string_view>

#include "engine/provider_options.h"
#include "engine/session_options.h"
#include "test/engine_fixture.h"

namespace ortserve {
namespace {

using testing::EngineTest;
using testing::model_path;

Status session_option(const std::string& key, const std::string& value) {
  auto option = check_option(session_option_table(), "session option", key, value);
  return option.ok() ? Status() : option.take_status();
}

TEST(EngineOptions, NamesTheNearestKnownKey) {
  const Status status = session_option("session.intra_op.alow_spinning", "0");
  EXPECT_EQ(status.code(), Code::kInvalidArgument);
  EXPECT_EQ(status.message(),
            "unknown session option 'session.intra_op.alow_spinning'; the nearest known one is "
            "'session.intra_op.allow_spinning' (the prefix 'x-' passes a key to ONNX Runtime unchecked)");
}

TEST(EngineOptions, FindsAKeyWrittenWithoutItsNamespace) {
  EXPECT_NE(session_option("set_denormal_as_zero", "1").message().find("'session.set_denormal_as_zero'"),
            std::string::npos);
}

TEST(EngineOptions, SaysWhatWasExpected) {
  EXPECT_EQ(session_option("session.disable_prepacking", "yes").message(),
            "expected 0 or 1 for the session option 'session.disable_prepacking', got 'yes'");
  EXPECT_EQ(session_option("session.intra_op.spin_backoff_max", "65").message(),
            "expected an integer from 1 to 64 for the session option 'session.intra_op.spin_backoff_max', got '65'");
  EXPECT_EQ(session_option("session.dynamic_block_base", "-1").message(),
            "expected an integer of at least 0 for the session option 'session.dynamic_block_base', got '-1'");
  EXPECT_EQ(session_option("session.load_model_format", "onnx").message(),
            "expected one of: ONNX ORT for the session option 'session.load_model_format', got 'onnx'");
  for (const char* const number : {"", "4x", " 4", "0x4", "99999999999999999999"}) {
    EXPECT_EQ(session_option("session.dynamic_block_base", number).code(), Code::kInvalidArgument) << number;
  }
  EXPECT_EQ(session_option("session.log_id", std::string("a\0b", 3)).code(), Code::kInvalidArgument);
}

TEST(EngineOptions, RefusesWhatOrtserveSetsItself) {
  const Status status = session_option("session.intra_op_num_threads", "8");
  EXPECT_EQ(status.code(), Code::kInvalidArgument);
  EXPECT_NE(status.message().find("number of intra-op threads"), std::string::npos) << status.message();
}

TEST(EngineOptions, RefusesAFreeDimensionWithoutANameOrASize) {
  EXPECT_EQ(session_option("free_dimension_override.", "4").code(), Code::kInvalidArgument);
  EXPECT_EQ(session_option("free_dimension_override.batch", "0").code(), Code::kInvalidArgument);
}

TEST(EngineOptions, ProviderTablesRefuseAsWell) {
  const auto settings = provider_settings(cuda_option_table(), "cuda", {}, {{"gpu_memory_limit", "1"}});
  EXPECT_EQ(
      settings.status().message(),
      "unknown cuda option 'gpu_memory_limit'; the nearest known one is 'gpu_mem_limit' (the prefix 'x-' passes a "
      "key to ONNX Runtime unchecked)");
  EXPECT_EQ(provider_settings(cuda_option_table(), "cuda", {}, {{"user_compute_stream", "1"}}).status().code(),
            Code::kInvalidArgument);
  EXPECT_EQ(provider_settings(tensorrt_option_table(), "tensorrt", {}, {{"trt_builder_optimization_level", "6"}})
                .status()
                .code(),
            Code::kInvalidArgument);
}

TEST(EngineOptions, UserSettingsGoOverDefaults) {
  const auto settings = provider_settings(cuda_option_table(), "cuda", cuda_defaults(),
                                          {{"cudnn_conv_algo_search", "EXHAUSTIVE"}, {"use_tf32", "false"}});
  ASSERT_TRUE(settings.ok());
  const ProviderSettings expected = {
      {"arena_extend_strategy", "kSameAsRequested"}, {"cudnn_conv_algo_search", "EXHAUSTIVE"}, {"use_tf32", "0"}};
  EXPECT_EQ(settings.value(), expected);
}

TEST(EngineOptions, PassesAnXKeyUnchecked) {
  const auto option = check_option(session_option_table(), "session option", "x-some.future_key", "anything");
  ASSERT_TRUE(option.ok());
  EXPECT_EQ(option.value().key, "some.future_key");
  EXPECT_EQ(option.value().value, "anything");
}

TEST(EngineOptions, NormalisesBooleans) {
  for (const auto& [typed, sent] : {std::pair{"true", "1"}, {"false", "0"}, {"1", "1"}, {"0", "0"}}) {
    const auto option = check_option(session_option_table(), "session option", "session.set_denormal_as_zero", typed);
    ASSERT_TRUE(option.ok());
    EXPECT_EQ(option.value().value, sent);
  }
}

TEST(EngineOptions, TablesAreSortedWithoutDuplicatesAndDocumented) {
  for (const auto table : {session_option_table(), cuda_option_table(), tensorrt_option_table()}) {
    EXPECT_EQ(std::ranges::adjacent_find(table, std::ranges::greater_equal{}, &OptionSpec::key), table.end());
    for (const OptionSpec& option : table) EXPECT_FALSE(option.doc.empty()) << option.key;
  }
}

// Every key that ORT's header of session keys declares: the text of each line's  "key";
std::set<std::string> keys_of_header() {
  std::ifstream file(std::string(ORTSERVE_ORT_HEADERS) + "/onnxruntime_session_options_config_keys.h");
  std::set<std::string> keys;
  for (std::string line; std::getline(file, line);) {
    const size_t end = line.find("\";");
    if (end == std::string::npos) continue;
    const size_t start = line.rfind('"', end - 1) + 1;
    keys.insert(line.substr(start, end - start));
  }
  return keys;
}

// ORT takes unknown keys without a word: a misspelt one in the table would do nothing for ever. And a new version's new
// keys have to be looked at.
TEST(EngineOptions, TheTableHasOrtsKeysAndNoOthers) {
  const std::set<std::string> left_out = {
      "ep.dynamic.qnn_htp_performance_mode",
      "ep.dynamic.workload_type",               // set on a running session
      "ep.enable_weightless_ep_context_nodes",  // deprecated
      "ep.nnapi.partitioning_stop_ops",         // of a provider that is not offered
      "optimization.enable_memory_probe_recompute_config",
      "optimization.memory_optimizer_config",  // training only
      "session.compile_only",
      "session.debug_layout_transformation",  // ORT's own use
      "session.inter_op.spin_backoff_max",
      "session.inter_op.spin_duration_us",     // there is no inter-op pool
      "session.use_ort_model_bytes_directly",  // models are loaded from files
  };
  std::set<std::string> expected = keys_of_header();
  EXPECT_GT(expected.size(), 50u);
  for (const auto& key : left_out) EXPECT_EQ(expected.erase(key), 1u) << key;
  std::set<std::string> table;
  for (const OptionSpec& option : session_option_table()) {
    if (option.setter != OptionSetter::kFreeDimension && option.setter != OptionSetter::kEngine)
      table.emplace(option.key);
  }
  EXPECT_EQ(table, expected);
}

TEST_F(EngineTest, LoadRefusesAnUnknownOptionBeforeItTouchesTheFile) {
  SessionConfig config;
  config.model_path = "/nowhere/model.onnx";
  config.options["session.disable_prepackin"] = "1";
  const auto session = try_load(config);
  EXPECT_EQ(session.status().code(), Code::kInvalidArgument);
  EXPECT_NE(session.status().message().find("'session.disable_prepacking'"), std::string::npos);
}

TEST_F(EngineTest, LoadRefusesNoThreads) {
  SessionConfig config;
  config.model_path = model_path("simple");
  config.intra_op_threads = 0;
  EXPECT_EQ(try_load(config).status().code(), Code::kInvalidArgument);
}

TEST_F(EngineTest, OptionsReachOnnxRuntime) {
  SessionConfig config;
  config.model_path = model_path("mlp_tiny");
  config.options["session.optimized_model_filepath"] = (folder_.path() / "optimized.onnx").string();
  config.options["session.graph_optimization_level"] = "enable_basic";
  ASSERT_TRUE(try_load(config).ok());
  EXPECT_TRUE(std::filesystem::exists(folder_.path() / "optimized.onnx"));
}

TEST_F(EngineTest, FreeDimensionOverrideFixesADim) {
  SessionConfig config;
  config.model_path = model_path("rowsum");
  config.options["free_dimension_override.width"] = "5";
  const auto session = try_load(config);
  ASSERT_TRUE(session.ok()) << session.status().message();
  EXPECT_EQ(session.value()->spec().inputs[0].dims, Shape({-1, 5}));
  EXPECT_FALSE(session.value()->has_dynamic_shapes());
}

TEST_F(EngineTest, SeveralThreadsAndEveryLevelGiveTheSameNumbers) {
  const auto x = testing::tensor_of<float>(pool_, DType::kFp32, {2, 4}, {1, 2, 3, 4, -1, 0.5f, 2, 8});
  const auto reference = testing::values_of<float>(run(*load("mlp_tiny"), {x})[0].tensor);
  SessionConfig config;
  config.model_path = model_path("mlp_tiny");
  config.intra_op_threads = 2;
  config.options["session.graph_optimization_level"] = "disable_all";
  const auto session = try_load(config);
  ASSERT_TRUE(session.ok());
  const auto values = testing::values_of<float>(run(*session.value(), {x})[0].tensor);
  ASSERT_EQ(values.size(), reference.size());
  for (size_t i = 0; i < values.size(); ++i) EXPECT_NEAR(values[i], reference[i], 1e-6);
}

}  // namespace
}  // namespace ortserve
