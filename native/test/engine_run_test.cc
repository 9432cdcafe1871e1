// SPDX-License-Identifier: Apache-2.0
#include "test/engine_fixture.h"
#include "test/onnx_writer.h"

namespace ortserve {
namespace {

using testing::EngineTest;
using testing::tensor_of;
using testing::values_of;
namespace onnx = testing::onnx;

constexpr int kFloat = 1, kBool = 9;

class EngineRun : public EngineTest {
 protected:
  Tensor floats(const Shape& shape, const std::vector<float>& values) {
    return tensor_of(pool_, DType::kFp32, shape, values);
  }
  Tensor ints(const Shape& shape, const std::vector<int32_t>& values) {
    return tensor_of(pool_, DType::kInt32, shape, values);
  }
  std::vector<Value> outputs_;
};

TEST_F(EngineRun, RefusesAWrongNumberOfInputs) {
  const auto session = load("simple");
  EXPECT_EQ(run(*session, {}, outputs_).code(), Code::kInvalidArgument);
  EXPECT_EQ(run(*session, {ints({1, 16}, std::vector<int32_t>(16))}, outputs_).code(), Code::kInvalidArgument);
}

TEST_F(EngineRun, RefusesAnAbsentRequiredInput) {
  const auto session = load("mlp_tiny");
  const std::vector<Tensor> inputs(1);
  const Status status = session->run(inputs, {false}, {}, outputs_, nullptr);
  EXPECT_EQ(status.code(), Code::kInvalidInput);
  EXPECT_EQ(status.message(), "the input 'x' is required and absent");
}

TEST_F(EngineRun, RefusesAnOutputThatIsNotThere) {
  const auto session = load("mlp_tiny");
  const std::vector<Tensor> inputs = {floats({1, 4}, {1, 2, 3, 4})};
  const std::vector<uint16_t> wanted = {1};
  EXPECT_EQ(session->run(inputs, {true}, wanted, outputs_, nullptr).code(), Code::kInvalidArgument);
}

TEST_F(EngineRun, RefusesAShapeTheModelDoesNotTake) {
  const auto session = load("mlp_tiny");
  const Status status = run(*session, {floats({1, 5}, {1, 2, 3, 4, 5})}, outputs_);
  EXPECT_EQ(status.code(), Code::kInvalidInput);
  EXPECT_NE(status.message().find("x"), std::string::npos);
  EXPECT_TRUE(outputs_.empty());
}

TEST_F(EngineRun, RefusesFewerBytesThanTheShapeNeeds) {
  const auto session = load("mlp_tiny");
  Tensor x = floats({1, 4}, {1, 2, 3, 4});
  x.data = x.data.slice(0, 12);
  const Status status = run(*session, {x}, outputs_);
  EXPECT_EQ(status.code(), Code::kInvalidInput);
  EXPECT_NE(status.message().find("input 'x'"), std::string::npos) << status.message();
}

TEST_F(EngineRun, ReportsAFailingOperatorAndGoesOn) {
  const auto session = load("failing");
  const auto indices = [&](std::vector<int64_t> values) {
    return tensor_of(pool_, DType::kInt64, {static_cast<int64_t>(values.size()), 1}, values);
  };
  for (int repetition = 0; repetition < 3; ++repetition) {
    EXPECT_EQ(values_of<float>(run(*session, {indices({0, 3})})[0].tensor), (std::vector<float>{10, 40}));
    const Status status = run(*session, {indices({0, 99})}, outputs_);
    EXPECT_TRUE(status.code() == Code::kRunFailed || status.code() == Code::kInvalidInput);
    EXPECT_NE(status.message().find("Gather"), std::string::npos) << status.message();
    EXPECT_EQ(status.message().find('\n'), std::string::npos);
  }
}

TEST_F(EngineRun, ReportsAnExhaustedPoolAndGoesOn) {
  BufferPool small{BufferPool::Limits{.max_live_bytes = 4096}};
  SessionConfig config;
  config.model_path = testing::model_path("ident_fp32");
  const auto session = load_session(config, small);
  ASSERT_TRUE(session.ok());
  const Tensor large = floats({2048}, std::vector<float>(2048, 1));
  run(*session.value(), {large});  // ORT's own buffer: the shape is learnt here
  EXPECT_EQ(run(*session.value(), {large}, outputs_).code(), Code::kOutOfMemory);
  EXPECT_EQ(values_of<float>(run(*session.value(), {floats({1}, {5})})[0].tensor), std::vector<float>{5});
}

TEST_F(EngineRun, GivesOutputsInTheOrderAskedFor) {
  const auto session = load("simple");
  const std::vector<int32_t> ones(16, 1), threes(16, 3);
  const std::vector<Tensor> inputs = {ints({1, 16}, threes), ints({1, 16}, ones)};
  const std::vector<std::vector<uint16_t>> orders = {{0, 1}, {1, 0}, {1}, {1, 1, 0}, {1, 1, 0}, {}};
  for (const auto& wanted : orders) {
    ASSERT_TRUE(session->run(inputs, {true, true}, wanted, outputs_, nullptr).ok());
    const std::vector<uint16_t> expected = wanted.empty() ? orders[0] : wanted;
    ASSERT_EQ(outputs_.size(), expected.size());
    for (size_t i = 0; i < expected.size(); ++i) {
      EXPECT_EQ(values_of<int32_t>(outputs_[i].tensor), std::vector<int32_t>(16, expected[i] == 0 ? 4 : 2));
    }
  }
}

TEST_F(EngineRun, UsesTheDefaultOfAnAbsentOptionalInput) {
  const auto session = load("optional_input");
  const std::vector<Tensor> inputs = {floats({1, 4}, {1, 2, 3, 4}), floats({1}, {10})};
  ASSERT_TRUE(session->run(inputs, {true, false}, {}, outputs_, nullptr).ok());
  EXPECT_EQ(values_of<float>(outputs_[0].tensor), (std::vector<float>{2, 4, 6, 8}));
  ASSERT_TRUE(session->run(inputs, {true, true}, {}, outputs_, nullptr).ok());
  EXPECT_EQ(values_of<float>(outputs_[0].tensor), (std::vector<float>{10, 20, 30, 40}));
}

TEST_F(EngineRun, FollowsDynamicDims) {
  const auto session = load("ident2d_fp32");
  for (const auto& [rows, columns] : {std::pair{1, 3}, {4, 1}, {2, 2}, {0, 3}, {3, 0}, {4, 1}}) {
    std::vector<float> values(static_cast<size_t>(rows * columns));
    for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
    const Tensor received = run(*session, {floats({rows, columns}, values)})[0].tensor;
    EXPECT_EQ(received.shape, Shape({rows, columns}));
    EXPECT_EQ(values_of<float>(received), values);
  }
}

TEST_F(EngineRun, WritesIntoPooledBuffersOnceTheShapeIsKnown) {
  const auto session = load("mlp_tiny");
  const std::vector<Tensor> one = {floats({1, 4}, {1, 2, 3, 4})};
  const std::vector<Tensor> two = {floats({2, 4}, {1, 2, 3, 4, 1, 2, 3, 4})};
  const uint64_t before = pool_.stats().acquired;
  const auto first = values_of<float>(run(*session, one)[0].tensor);
  EXPECT_EQ(pool_.stats().acquired, before);
  const Tensor second = run(*session, two)[0].tensor;
  EXPECT_EQ(pool_.stats().acquired, before + 1);
  EXPECT_EQ(second.shape, Shape({2, 3}));
  EXPECT_EQ(reinterpret_cast<uintptr_t>(second.data.data()) % kBufferAlignment, 0u);
  EXPECT_EQ(values_of<float>(second.rows(1, 1)), first);
}

// y = x where keep, declared as long as x: the declaration is wrong as soon as something is dropped.
TEST_F(EngineRun, GoesBackToOnnxRuntimesBuffersWhenTheDeclaredShapeIsWrong) {
  const auto rows = onnx::tensor_type(kFloat, {"n"});
  const auto session = load_file(write_model(onnx::model(
      {onnx::node("Compress", {"x", "keep"}, {"y"})},
      {onnx::value("x", rows), onnx::value("keep", onnx::tensor_type(kBool, {"n"}))}, {onnx::value("y", rows)})));
  ASSERT_TRUE(session);
  const auto keep = [&](std::vector<uint8_t> flags) {
    const int64_t count = static_cast<int64_t>(flags.size());
    std::vector<float> values(flags.size());
    for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i + 1);
    return values_of<float>(
        run(*session, {floats({count}, values), tensor_of(pool_, DType::kBool, {count}, flags)})[0].tensor);
  };
  EXPECT_EQ(keep({1, 1, 1}), (std::vector<float>{1, 2, 3}));  // confirms the declaration
  EXPECT_EQ(keep({1, 0, 1}), (std::vector<float>{1, 3}));     // refutes it
  EXPECT_EQ(keep({1, 1}), (std::vector<float>{1, 2}));
  EXPECT_EQ(keep({0, 0}), std::vector<float>{});
}

// The output is the input itself: its memory belongs to the caller.
TEST_F(EngineRun, CopiesAnOutputThatIsAnInput) {
  const auto type = onnx::value("x", onnx::tensor_type(kFloat, {"n"}));
  const auto session = load_file(write_model(onnx::model({}, {type}, {type})));
  ASSERT_TRUE(session);
  for (int repetition = 0; repetition < 3; ++repetition) {
    Tensor x = floats({3}, {1, 2, 3});
    const Tensor received = run(*session, {x})[0].tensor;
    std::fill_n(x.data.as<float>(), 3, 0.f);
    EXPECT_EQ(values_of<float>(received), (std::vector<float>{1, 2, 3}));
  }
}

TEST_F(EngineRun, ReadsMemoryLentByTheCallerWithoutACopy) {
  const auto session = load("ident_fp32");
  std::vector<float> memory = {1, 2, 3};
  bool released = false;
  {
    Tensor x;
    x.shape = Shape({3});
    x.data = Buffer::lend(reinterpret_cast<std::byte*>(memory.data()), 12, [&] { released = true; });
    const uint64_t before = pool_.stats().acquired;
    EXPECT_EQ(values_of<float>(run(*session, {x})[0].tensor), memory);
    EXPECT_EQ(pool_.stats().acquired, before);
  }
  EXPECT_TRUE(released);
}

TEST_F(EngineRun, OutputsOutliveTheirSession) {
  const Tensor x = floats({2, 4}, {1, 2, 3, 4, 5, 6, 7, 8});
  auto session = load("zipmap");
  const auto outputs = run(*session, {x});  // ORT's own memory, lent
  const auto label = values_of<int64_t>(outputs[0].tensor);
  const auto scores = values_of<float>(outputs[1].items[1].tensor);
  session.reset();
  EXPECT_EQ(values_of<int64_t>(outputs[0].tensor), label);
  EXPECT_EQ(values_of<float>(outputs[1].items[1].tensor), scores);
  EXPECT_EQ(testing::strings_in(*outputs[1].items[1].keys), (std::vector<std::string>{"ant", "bee", "cat"}));
}

TEST_F(EngineRun, LeavesNothingBehind) {
  const auto session = load("simple");
  const std::vector<int32_t> ones(16, 1);
  for (int i = 0; i < 5; ++i) run(*session, {ints({1, 16}, ones), ints({1, 16}, ones)});
  EXPECT_EQ(pool_.stats().live_bytes, 0u);
}

}  // namespace
}  // namespace ortserve
