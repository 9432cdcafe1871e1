// SPDX-License-Identifier: Apache-2.0
#include "core/traffic_samples.h"

#include <gtest/gtest.h>

#include <cstring>

#include "test/batcher_fixture.h"

namespace ortserve::testing {

namespace {

using Sample = TrafficSamples::Sample;

std::vector<Sample> take_all(TrafficSamples& samples) {
  std::vector<Sample> all;
  while (auto sample = samples.take()) all.push_back(std::move(*sample));
  return all;
}

class TrafficSamplesTest : public BatcherTest {
 protected:
  void run(float value, int64_t rows, TrafficSamples& samples) { samples.offer(*request(value, rows), true); }
};

}  // namespace

TEST_F(TrafficSamplesTest, PicksNothingUnlessAsked) {
  TrafficSamples samples;
  run(1, 3, samples);
  EXPECT_FALSE(samples.take());
  samples.pick(1, 0);
  samples.pick(0, 0);
  run(1, 3, samples);
  EXPECT_FALSE(samples.take());
  EXPECT_EQ(samples.counts().kept, 0u);
}

TEST_F(TrafficSamplesTest, KeepsEachRowOfABatchedModelAlone) {
  TrafficSamples samples;
  samples.pick(1, 7);
  run(5, 3, samples);
  const std::vector<Sample> all = take_all(samples);
  ASSERT_EQ(all.size(), 3u);
  for (size_t row = 0; row < all.size(); ++row) {
    const Tensor& input = all[row].inputs.at(0);
    EXPECT_EQ(input.shape, (Shape{1, 2}));
    EXPECT_EQ(input.data.as<float>()[0], 5);
    EXPECT_EQ(input.data.as<float>()[1], static_cast<float>(row));
  }
}

TEST_F(TrafficSamplesTest, KeepsARequestOfAnUnbatchedModelWhole) {
  TrafficSamples samples;
  samples.pick(1, 7);
  samples.offer(*request(5, 3), false);
  const std::vector<Sample> all = take_all(samples);
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].inputs.at(0).shape, (Shape{3, 2}));
}

TEST_F(TrafficSamplesTest, PicksAboutItsShareOfTheRows) {
  TrafficSamples samples;
  samples.pick(0.25, 42);
  for (int i = 0; i < 1000; ++i) run(1, 4, samples);
  const size_t picked = take_all(samples).size();
  EXPECT_GT(picked, 850u);  // 1000 expected; 5 standard deviations are 137
  EXPECT_LT(picked, 1150u);
}

TEST_F(TrafficSamplesTest, DropsAndCountsWhatDoesNotFit) {
  TrafficSamples samples(600);
  samples.pick(1, 0);
  run(1, 100, samples);
  const auto counts = samples.counts();
  EXPECT_GT(counts.kept, 0u);
  EXPECT_LT(counts.kept, 10u);
  EXPECT_EQ(counts.kept + counts.dropped, 100u);
  EXPECT_EQ(take_all(samples).size(), counts.kept);
  run(1, 1, samples);  // there is room again
  EXPECT_TRUE(samples.take());
}

TEST_F(TrafficSamplesTest, TakesNoPartInTheMemoryOfRequests) {
  TrafficSamples samples;
  samples.pick(1, 0);
  run(1, 3, samples);
  EXPECT_EQ(pool.stats().live_bytes, 0u);
}

TEST_F(TrafficSamplesTest, AreOfferedWhatRanWellAndNothingElse) {
  const auto samples = std::make_shared<TrafficSamples>();
  samples->pick(1, 0);
  runner->before_run = [](const Tensor& input) {
    return input.data.as<float>()[0] < 0 ? Status(Code::kRunFailed, "negative") : Status();
  };
  start({.samples = samples});
  ASSERT_TRUE(submit(request(-1)).ok());
  ASSERT_TRUE(submit(request(8)).ok());
  sink.wait_for(2);
  const std::vector<Sample> all = take_all(*samples);
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].inputs.at(0).data.as<float>()[0], 8);
}

}  // namespace ortserve::testing
