// SPDX-License-Identifier: Apache-2.0
// Output plans in front of a runner: which outputs it is asked for, and what becomes of them.
#include "core/transform/output_plan.h"

#include "core/transform/output_steps.h"
#include "test/codec_fixture.h"
#include "transform_fixture.h"

namespace ortserve {
namespace {

// Gives rows {1, 3, 2} as "a" and {7} as "b", and remembers what was asked for.
class TwoOutputs final : public Runner {
 public:
  explicit TwoOutputs(BufferPool& pool) : pool_(pool) {}
  Status run(std::span<const Tensor>, const std::vector<bool>&, std::span<const uint16_t> wanted,
             std::vector<Value>& outputs, const std::atomic<bool>*, RunTimes*) noexcept override {
    asked.assign(wanted.begin(), wanted.end());
    for (const uint16_t output : wanted) {
      const std::vector<float> values = output == 0 ? std::vector<float>{1, 3, 2, 6, 5, 4} : std::vector<float>{7, 8};
      Value& value = outputs.emplace_back();
      value.tensor = allocate_tensor(pool_, DType::kFp32, {2, output == 0 ? 3 : 1}).value();
      std::memcpy(value.tensor.data.data(), values.data(), values.size() * sizeof(float));
    }
    return {};
  }
  void terminate_all() noexcept override { terminated = true; }

  std::vector<uint16_t> asked;
  bool terminated = false;

 private:
  BufferPool& pool_;
};

ModelSpec two_outputs() {
  ModelSpec spec = batched_model("x", DType::kFp32, {-1, 1});
  spec.outputs = {output_spec("a", DType::kFp32, {-1, 3}), output_spec("b", DType::kFp32, {-1, 1})};
  return spec;
}

TEST(OutputPlan, AsksForEachOutputOnce) {
  BufferPool pool({});
  const auto inner = std::make_shared<TwoOutputs>(pool);
  ModelSpec spec = two_outputs();
  OutputPlan top;
  top.top_k = 2;
  auto runner = apply_output_plans({{"a", top}}, inner, pool, spec);
  ASSERT_TRUE(runner.ok());
  ASSERT_EQ(spec.outputs.size(), 3u);
  EXPECT_EQ(spec.outputs[1].name, "a_scores");
  std::vector<Value> outputs;
  const std::vector<uint16_t> wanted = {2, 1, 0};
  ASSERT_TRUE((*runner)->run({}, {}, wanted, outputs, nullptr).ok());
  EXPECT_EQ(inner->asked, (std::vector<uint16_t>{1, 0}));
  ASSERT_EQ(outputs.size(), 3u);
  EXPECT_EQ(outputs[0].tensor.shape, (Shape{2, 1}));
  EXPECT_EQ(outputs[1].tensor.data.as<float>()[1], 2);
  EXPECT_EQ(outputs[2].tensor.data.as<int64_t>()[0], 1);
  const std::vector<uint16_t> only = {2};
  ASSERT_TRUE((*runner)->run({}, {}, only, outputs, nullptr).ok());
  EXPECT_EQ(inner->asked, (std::vector<uint16_t>{1}));
  (*runner)->terminate_all();
  EXPECT_TRUE(inner->terminated);
}

TEST(OutputPlan, FailsWithoutMemory) {
  BufferPool pool({});
  BufferPool none({.max_live_bytes = 0});
  ModelSpec spec = two_outputs();
  OutputPlan plan;
  plan.activation = OutputPlan::Activation::kSoftmax;
  auto runner = apply_output_plans({{"a", plan}}, std::make_shared<TwoOutputs>(pool), none, spec);
  std::vector<Value> outputs;
  const std::vector<uint16_t> wanted = {0};
  EXPECT_FAILS((*runner)->run({}, {}, wanted, outputs, nullptr), Code::kOutOfMemory, "");
}

TEST(OutputSteps, TopKIsAStableSort) {
  testing::Generator random(51);
  std::vector<int64_t> scratch;
  for (int round = 0; round < 100; ++round) {
    std::vector<float> row(random.size(1, 50));
    for (float& value : row) value = static_cast<float>(random.size(0, 9));
    if (round % 4 == 0) row[random.size(0, row.size() - 1)] = std::numeric_limits<float>::quiet_NaN();
    std::vector<int64_t> order(row.size());
    for (size_t i = 0; i < order.size(); ++i) order[i] = static_cast<int64_t>(i);
    const auto key = [&](int64_t i) {
      return std::isnan(row[static_cast<size_t>(i)]) ? -1 : row[static_cast<size_t>(i)];
    };
    std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return key(a) > key(b); });
    const size_t k = random.size(1, row.size());
    std::vector<float> values(k);
    std::vector<int64_t> indices(k);
    top_k(row, k, values.data(), indices.data(), scratch);
    order.resize(k);
    ASSERT_EQ(indices, order);
    ASSERT_EQ(argmax(row), order[0]);
  }
}

}  // namespace
}  // namespace ortserve
