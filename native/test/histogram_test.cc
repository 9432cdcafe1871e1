// SPDX-License-Identifier: Apache-2.0
#include "core/histogram.h"

#include <thread>

#include "transform_fixture.h"

namespace ortserve {
namespace {

using testing::Generator;

class Histograms : public ::testing::TestWithParam<const Kernels*> {};

// The definition, a value at a time.
size_t bin_of(float value, double width) {
  return static_cast<size_t>(std::floor(static_cast<double>(value) / width) + Histogram::kSideBins);
}

void expect_counts(const Histogram::State& state, const std::vector<float>& values) {
  std::vector<uint64_t> expected(Histogram::kBins);
  for (const float value : values) ++expected[bin_of(value, state.width)];
  ASSERT_EQ(std::vector<uint64_t>(state.counts.begin(), state.counts.end()), expected);
  EXPECT_EQ(state.total, values.size());
  EXPECT_EQ(state.min, *std::min_element(values.begin(), values.end()));
  EXPECT_EQ(state.max, *std::max_element(values.begin(), values.end()));
}

TEST_P(Histograms, CountAsTheDefinitionSays) {
  Generator random(1);
  for (const size_t count : {1, 3, 4, 63, 1023, 1024, 1025, 5000}) {
    for (const float scale : {1e-30f, 1e-3f, 1.0f, 100.0f, 1e30f}) {
      std::vector<float> values(count);
      for (float& value : values) value = scale * random.uniform(-3, 1);
      Histogram histogram;
      ASSERT_TRUE(histogram.add(values, *GetParam()).ok());
      expect_counts(histogram.state(), values);
    }
  }
}

TEST_P(Histograms, TakeTheSmallestNumbersAndTheEdgesOfBins) {
  using Limits = std::numeric_limits<float>;
  const std::vector<float> values = {0.0f,
                                     -0.0f,
                                     Limits::denorm_min(),
                                     -Limits::denorm_min(),
                                     Limits::min(),
                                     -1.0f,
                                     1.0f,
                                     2047.0f,
                                     -2048.0f,
                                     -2047.5f,
                                     0.5f,
                                     -0.5f,
                                     1 - Limits::epsilon() / 2};
  Histogram histogram;
  ASSERT_TRUE(histogram.add(values, *GetParam()).ok());
  EXPECT_EQ(histogram.state().width, 2);  // -2048 lies on the edge, and takes a doubling as 2048 does
  expect_counts(histogram.state(), values);
  Histogram extreme;
  ASSERT_TRUE(extreme.add(std::vector<float>{Limits::max(), Limits::lowest(), 1e-40f}, *GetParam()).ok());
  expect_counts(extreme.state(), {Limits::max(), Limits::lowest(), 1e-40f});
}

TEST_P(Histograms, HaveNoNegativeZero) {
  Histogram histogram;
  ASSERT_TRUE(histogram.add(std::vector<float>{-0.0f}, *GetParam()).ok());
  EXPECT_FALSE(std::signbit(histogram.state().min));
  EXPECT_FALSE(std::signbit(histogram.state().max));
}

TEST_P(Histograms, DependNeitherOnOrderNorOnParts) {
  Generator random(2);
  std::vector<float> values(3000);
  for (float& value : values) value = std::pow(10.0f, random.uniform(-8, 8)) * (random.uniform(-1, 1) < 0 ? -1 : 1);
  Histogram whole, parts;
  ASSERT_TRUE(whole.add(values, *GetParam()).ok());
  for (size_t end = values.size(); end > 0; end -= std::min<size_t>(end, 7)) {
    const size_t size = std::min<size_t>(end, 7);
    ASSERT_TRUE(parts.add(std::span(values).subspan(end - size, size), *GetParam()).ok());
  }
  EXPECT_EQ(parts.state().counts, whole.state().counts);
  EXPECT_EQ(parts.state().width, whole.state().width);
  EXPECT_EQ(parts.state().min, whole.state().min);
  EXPECT_EQ(parts.state().max, whole.state().max);
}

TEST_P(Histograms, RefuseWhatIsNotFiniteAndCountNoneOfIt) {
  using Limits = std::numeric_limits<float>;
  Histogram histogram;
  ASSERT_TRUE(histogram.add({}, *GetParam()).ok());
  const auto refused = [&](float value) {
    std::vector<float> values(100, 1.0f);
    values[70] = value;
    const Status status = histogram.add(values, *GetParam());
    EXPECT_EQ(status.code(), Code::kRunFailed);
    return status.message();
  };
  EXPECT_EQ(refused(Limits::quiet_NaN()), "the value NaN came up at element 70");
  EXPECT_EQ(refused(-Limits::quiet_NaN()), "the value NaN came up at element 70");
  EXPECT_EQ(refused(Limits::infinity()), "the value Infinity came up at element 70");
  EXPECT_EQ(refused(-Limits::infinity()), "the value -Infinity came up at element 70");
  EXPECT_EQ(histogram.state().total, 0u);
}

INSTANTIATE_TEST_SUITE_P(Sets, Histograms, ::testing::ValuesIn(testing::all_sets()), testing::set_name);

TEST(HistogramThreads, MayCountIntoOne) {
  Histogram histogram;
  std::vector<std::thread> threads;
  for (int i = 1; i <= 4; ++i) {
    threads.emplace_back([&histogram, i] {
      const std::vector<float> values(1000, static_cast<float>(i));
      for (int repeat = 0; repeat < 10; ++repeat) EXPECT_TRUE(histogram.add(values).ok());
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(histogram.state().total, 40000u);
  EXPECT_EQ(histogram.state().counts[bin_of(3, histogram.state().width)], 10000u);
}

}  // namespace
}  // namespace ortserve
