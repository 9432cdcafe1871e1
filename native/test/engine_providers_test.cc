// SPDX-License-Identifier: Apache-2.0
#include "engine/providers.h"

#include <algorithm>

#include "test/engine_fixture.h"

namespace ortserve {
namespace {

using testing::EngineTest;
using testing::model_path;
using testing::tensor_of;
using testing::values_of;

class EngineProviders : public EngineTest {
 protected:
  Result<std::shared_ptr<Session>> load_with(std::vector<ProviderRequest> providers,
                                             std::map<std::string, std::string> options = {}) {
    SessionConfig config;
    config.model_path = model_path("mlp_tiny");
    config.providers = std::move(providers);
    config.options = std::move(options);
    return try_load(config);
  }
  void expect_refused(const Result<std::shared_ptr<Session>>& session, Code code, const std::string& words) {
    ASSERT_FALSE(session.ok());
    EXPECT_EQ(session.status().code(), code);
    EXPECT_NE(session.status().message().find(words), std::string::npos) << session.status().message();
  }
  /// These tests are about a machine without the providers' libraries beside ONNX Runtime's.
  void SetUp() override {
    EngineTest::SetUp();
    const auto beside = std::filesystem::path(testing::library_path()).parent_path();
    if (std::filesystem::exists(beside / "libonnxruntime_providers_shared.so")) GTEST_SKIP() << "GPU libraries present";
  }
};

TEST_F(EngineProviders, RefusesAnUnknownOne) {
  expect_refused(load_with({{"cudaa"}}), Code::kInvalidArgument,
                 "unknown execution provider 'cudaa'; the nearest known one is 'cuda'");
}

TEST_F(EngineProviders, RefusesOneNamedTwice) {
  expect_refused(load_with({{"cuda"}, {"cuda"}}), Code::kInvalidArgument, "'cuda' is listed twice");
}

TEST_F(EngineProviders, RefusesOneAfterCpu) {
  expect_refused(load_with({{"cpu"}, {"cuda"}}), Code::kInvalidArgument, "'cuda' is listed after 'cpu'");
}

TEST_F(EngineProviders, RefusesOptionsOfCpu) {
  expect_refused(load_with({{"cpu", {{"use_arena", "1"}}}}), Code::kInvalidArgument, "unknown cpu option 'use_arena'");
}

TEST_F(EngineProviders, RefusesAnUnknownProviderOption) {
  expect_refused(load_with({{"cuda", {{"device", "0"}}}}), Code::kInvalidArgument,
                 "unknown cuda option 'device'; the nearest known one is 'device_id'");
}

TEST_F(EngineProviders, RefusesCpuWithoutFallback) {
  expect_refused(load_with({{"cpu"}}, {{"session.disable_cpu_ep_fallback", "1"}}), Code::kInvalidArgument,
                 "session.disable_cpu_ep_fallback");
}

TEST_F(EngineProviders, RequiredCudaNamesTheMissingLibrary) {
  expect_refused(load_with({{"cuda", {}, true}}), Code::kProviderUnavailable,
                 "the required execution provider 'cuda' cannot be used: ");
  expect_refused(load_with({{"cuda", {}, true}}), Code::kProviderUnavailable, "libonnxruntime_providers_shared.so");
}

TEST_F(EngineProviders, RequiredTensorrtNamesTheMissingLibrary) {
  expect_refused(load_with({{"tensorrt", {}, true}, {"cuda"}}), Code::kProviderUnavailable,
                 "libonnxruntime_providers_shared.so");
}

TEST_F(EngineProviders, OptionalOnesFallThroughWithTheirReason) {
  const auto session = load_with({{"tensorrt", {{"trt_fp16_enable", "true"}}}, {"cuda", {{"device_id", "0"}}}});
  ASSERT_TRUE(session.ok()) << session.status().message();
  const auto& outcomes = session.value()->providers();
  ASSERT_EQ(outcomes.size(), 3u);
  EXPECT_EQ(outcomes[0].name, "tensorrt");
  EXPECT_EQ(outcomes[1].name, "cuda");
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_FALSE(outcomes[i].active);
    EXPECT_NE(outcomes[i].reason.find("libonnxruntime_providers_shared.so"), std::string::npos) << outcomes[i].reason;
    EXPECT_NE(outcomes[i].reason.find("No such file"), std::string::npos) << outcomes[i].reason;
  }
  EXPECT_EQ(outcomes[2].name, "cpu");
  EXPECT_TRUE(outcomes[2].active);
  EXPECT_EQ(outcomes[2].reason, "");
  const auto x = tensor_of<float>(pool_, DType::kFp32, {1, 4}, {1, 2, 3, 4});
  EXPECT_EQ(values_of<float>(run(*session.value(), {x})[0].tensor),
            values_of<float>(run(*load("mlp_tiny"), {x})[0].tensor));
}

TEST_F(EngineProviders, WithoutFallbackNothingIsLeft) {
  const std::map<std::string, std::string> strict = {{"session.disable_cpu_ep_fallback", "1"}};
  expect_refused(load_with({{"cuda"}}, strict), Code::kProviderUnavailable, "no execution provider is left");
  expect_refused(load_with({{"cuda"}}, strict), Code::kProviderUnavailable, "libonnxruntime_providers_shared.so");
  expect_refused(load_with({}, strict), Code::kInvalidArgument, "no other execution provider is listed");
}

TEST_F(EngineProviders, NothingIsPrinted) {
  ::testing::internal::CaptureStderr();
  ::testing::internal::CaptureStdout();
  ASSERT_TRUE(load_with({{"tensorrt"}, {"cuda"}}).ok());
  EXPECT_EQ(try_load(model_path("corrupt")).status().code(), Code::kLoadFailed);
  EXPECT_EQ(::testing::internal::GetCapturedStdout(), "");
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
}

TEST_F(EngineProviders, AnEmptyListMeansCpu) {
  const auto session = load_with({});
  ASSERT_TRUE(session.ok());
  ASSERT_EQ(session.value()->providers().size(), 1u);
  EXPECT_EQ(session.value()->providers()[0].name, "cpu");
  EXPECT_TRUE(session.value()->providers()[0].active);
}

// What a GPU machine with an old driver does: appending works, making the session does not.
class CreateWithFallback : public EngineTest {
 protected:
  ProviderPlan plan_of(std::vector<ProviderRequest> requests) {
    auto plan = ProviderPlan::make(requests, true);
    EXPECT_TRUE(plan.ok());
    return std::move(*plan);
  }
  /// A create() that fails while the plan's first accelerator is one of `broken`, and at last when `model_is_broken`.
  static auto machine(ProviderPlan& plan, std::vector<std::string> broken, bool model_is_broken = false) {
    return [&plan, broken, model_is_broken]() -> Result<Ort::Session> {
      const ProviderRequest* const first = plan.first_accelerator();
      const std::string name = first ? first->name : "cpu";
      if (model_is_broken) return Status(Code::kLoadFailed, name + ": bad model");
      if (std::ranges::count(broken, name)) return Status(Code::kLoadFailed, name + ": old driver");
      return Ort::Session(nullptr);
    };
  }
};

TEST_F(CreateWithFallback, BlamesTheModelWhenTheCpuFailsToo) {
  ProviderPlan plan = plan_of({{"tensorrt"}, {"cuda", {}, true}});
  const auto session = create_with_fallback(plan, machine(plan, {}, true));
  EXPECT_EQ(session.status().code(), Code::kLoadFailed);
  EXPECT_EQ(session.status().message(), "cpu: bad model");
}

TEST_F(CreateWithFallback, RefusesWithoutARequiredOne) {
  ProviderPlan plan = plan_of({{"tensorrt"}, {"cuda", {}, true}});
  const auto session = create_with_fallback(plan, machine(plan, {"tensorrt", "cuda"}));
  EXPECT_EQ(session.status().code(), Code::kProviderUnavailable);
  EXPECT_EQ(session.status().message(), "the required execution provider 'cuda' cannot be used: cuda: old driver");
}

TEST_F(CreateWithFallback, DropsThemInOrderAndKeepsTheReason) {
  ProviderPlan plan = plan_of({{"tensorrt"}, {"cuda"}});
  ASSERT_TRUE(create_with_fallback(plan, machine(plan, {"tensorrt"})).ok());
  const auto outcomes = plan.outcomes();
  EXPECT_FALSE(outcomes[0].active);
  EXPECT_EQ(outcomes[0].reason, "tensorrt: old driver");
  EXPECT_TRUE(outcomes[1].active);
  EXPECT_TRUE(outcomes[2].active);
}

TEST_F(CreateWithFallback, EndsAtTheCpu) {
  ProviderPlan plan = plan_of({{"tensorrt"}, {"cuda"}});
  ASSERT_TRUE(create_with_fallback(plan, machine(plan, {"tensorrt", "cuda"})).ok());
  EXPECT_EQ(plan.outcomes()[1].reason, "cuda: old driver");
  EXPECT_TRUE(plan.outcomes()[2].active);
}

}  // namespace
}  // namespace ortserve
