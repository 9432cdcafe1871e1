// SPDX-License-Identifier: Apache-2.0
#include "core/cached_batcher.h"

#include <gtest/gtest.h>

#include <map>

#include "test/collector.h"
#include "test/fake_runner.h"

namespace ortserve {
namespace {

class CachedBatcherTest : public ::testing::Test {
 protected:
  std::unique_ptr<Request> request(float value) {
    auto made = std::make_unique<Request>();
    made->inputs.push_back(allocate_tensor(pool, DType::kFp32, Shape{1, 2}).value());
    made->inputs[0].data.as<float>()[0] = value;
    made->inputs[0].data.as<float>()[1] = 1;
    made->present = {true};
    made->sink = &sink;
    made->timings.received = Clock::now();
    return made;
  }
  void submit(std::unique_ptr<Request> made) { ASSERT_TRUE(cached->submit(made).ok()); }
  // One request stands at the gate and leads; it is of no interest to the test.
  void lead_with(float value) {
    runner->close_gate();
    submit(request(value));
    runner->wait_entered(1);
  }

  BufferPool pool{{}};
  testing::Collector sink;
  WorkerPool workers{1};
  std::shared_ptr<testing::FakeRunner> runner = std::make_shared<testing::FakeRunner>(pool);
  std::shared_ptr<Batcher> batcher = std::make_shared<Batcher>(
      workers, pool, runner, testing::sum_spec(), CostCurve(),
      BatcherOptions{.max_batch_rows = 1, .queue = {.max_rows = 1}, .inline_ceiling = Nanoseconds(0)});
  ResultCache cache{{.max_bytes = 1 << 20}};
  CacheKeyMaker keys;
  std::shared_ptr<CachedBatcher> cached = std::make_shared<CachedBatcher>(
      CachedBatcher::Parts{.batcher = batcher, .workers = workers, .cache = cache, .keys = keys, .load = {1, 1}},
      CacheOptions{.enabled = true});
};

TEST_F(CachedBatcherTest, TheSecondOfTwoEqualRequestsIsAHit) {
  submit(request(5));
  EXPECT_EQ(sink.wait_for(1)[0]->cache_outcome, CacheOutcome::kMiss);
  submit(request(5));
  EXPECT_EQ(sink.count(), 1u) << "answered before submit returned";
  const auto hit = sink.wait_for(1);
  EXPECT_EQ(hit[0]->cache_outcome, CacheOutcome::kHit);
  EXPECT_EQ(hit[0]->outputs[0].tensor.data.as<float>()[0], 6);
  EXPECT_EQ(runner->rows_seen().size(), 1u);
}

TEST_F(CachedBatcherTest, RequestsInFlightAreRunOnce) {
  lead_with(5);
  for (int i = 0; i < 10; ++i) submit(request(5));
  runner->open_gate();
  std::map<CacheOutcome, int> outcomes;
  for (const auto& done : sink.wait_for(11)) {
    EXPECT_TRUE(done->status.ok());
    EXPECT_EQ(done->outputs[0].tensor.data.as<float>()[0], 6);
    ++outcomes[done->cache_outcome];
  }
  EXPECT_EQ(outcomes, (std::map<CacheOutcome, int>{{CacheOutcome::kMiss, 1}, {CacheOutcome::kJoin, 10}}));
  EXPECT_EQ(runner->rows_seen().size(), 1u);
}

TEST_F(CachedBatcherTest, HitsCountAsSuccessAndQueueButNotAsCompute) {
  lead_with(5);
  submit(request(5));  // joins
  runner->open_gate();
  sink.wait_for(2);
  submit(request(5));  // hits
  sink.wait_for(1);
  const auto stats = batcher->stats();
  EXPECT_EQ(stats.success.count, 3u);
  EXPECT_EQ(stats.queue.count, 3u);
  EXPECT_EQ(stats.cache_miss.count, 1u);
  EXPECT_EQ(stats.cache_hit.count, 2u) << "a request that joined ran as little as one that hit";
  EXPECT_EQ(stats.compute.infer.count, 1u);
  EXPECT_EQ(stats.rows, 1u);
  EXPECT_GT(stats.cache_miss.nanoseconds, 0u);
  EXPECT_GE(stats.success.nanoseconds,
            stats.queue.nanoseconds + stats.compute.infer.nanoseconds + stats.cache_hit.nanoseconds);
}

TEST_F(CachedBatcherTest, WhatIsAnsweredAgainCountsAsAHit) {
  submit(request(5));
  sink.wait_for(1);
  submit(request(5));
  const auto hit = sink.wait_for(1);
  const CachedResult result{hit[0]->cache_key, hit[0]->cache_number};
  const TimePoint received = Clock::now();
  EXPECT_TRUE(cached->answer_again(result, received));
  const auto stats = batcher->stats();
  EXPECT_EQ(stats.success.count, 3u);
  EXPECT_EQ(stats.decode.count, 3u);
  EXPECT_EQ(stats.queue.count, 3u);
  EXPECT_EQ(stats.cache_hit.count, 2u);
  EXPECT_EQ(stats.last_received, received);
  EXPECT_EQ(cached->stats().hits, 2u);
  cached->forget();
  EXPECT_FALSE(cached->answer_again(result, received));
  EXPECT_EQ(batcher->stats().success.count, 3u) << "it has not been answered";
}

TEST_F(CachedBatcherTest, AModelErrorIsEverybodysAndIsNotStored) {
  runner->before_run = [](const Tensor&) { return Status(Code::kRunFailed, "no"); };
  lead_with(5);
  submit(request(5));
  runner->open_gate();
  for (const auto& done : sink.wait_for(2)) EXPECT_EQ(done->status.code(), Code::kRunFailed);
  runner->before_run = nullptr;
  submit(request(5));
  EXPECT_EQ(sink.wait_for(1)[0]->cache_outcome, CacheOutcome::kMiss);
}

TEST_F(CachedBatcherTest, ALeaderThatGaveUpLeavesTheRunToAJoiner) {
  lead_with(1);
  std::atomic<bool> cancelled{false};
  auto leader = request(5);
  leader->cancelled = &cancelled;
  submit(std::move(leader));
  submit(request(5));
  submit(request(5));
  cancelled = true;
  runner->open_gate();
  std::map<Code, int> codes;
  for (const auto& done : sink.wait_for(4)) ++codes[done->status.code()];
  EXPECT_EQ(codes, (std::map<Code, int>{{Code::kOk, 3}, {Code::kCancelled, 1}}));
  const auto stats = cached->stats();
  EXPECT_EQ(stats.hits + stats.misses + stats.joins, 4u) << "each request counts once, however often it was tried";
  EXPECT_EQ(runner->rows_seen().size(), 2u);
}

TEST_F(CachedBatcherTest, ARefusedLeaderStaysTheCallers) {
  lead_with(1);
  submit(request(2));
  auto refused = request(3);
  EXPECT_EQ(cached->submit(refused).code(), Code::kQueueFull);
  ASSERT_NE(refused, nullptr);
  EXPECT_EQ(refused->sink, &sink);
  runner->open_gate();
  sink.wait_for(2);
  EXPECT_TRUE(cached->submit(refused).ok());
  EXPECT_EQ(sink.wait_for(1)[0]->cache_outcome, CacheOutcome::kMiss);
}

TEST_F(CachedBatcherTest, HonoursBypassAndRefresh) {
  submit(request(5));
  sink.wait_for(1);
  auto bypass = request(5);
  bypass->cache_use = CacheUse::kBypass;
  submit(std::move(bypass));
  EXPECT_EQ(sink.wait_for(1)[0]->cache_outcome, CacheOutcome::kBypass);
  auto refresh = request(5);
  refresh->cache_use = CacheUse::kRefresh;
  submit(std::move(refresh));
  EXPECT_EQ(sink.wait_for(1)[0]->cache_outcome, CacheOutcome::kMiss);
  EXPECT_EQ(runner->rows_seen().size(), 3u);
  EXPECT_EQ(cached->bypasses(), 1u);
}

TEST_F(CachedBatcherTest, FlushForgets) {
  submit(request(5));
  sink.wait_for(1);
  cached->flush();
  submit(request(5));
  EXPECT_EQ(sink.wait_for(1)[0]->cache_outcome, CacheOutcome::kMiss);
}

}  // namespace
}  // namespace ortserve
