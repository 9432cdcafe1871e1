// SPDX-License-Identifier: Apache-2.0
#include "core/stats.h"

#include <gtest/gtest.h>

#include "test/batcher_fixture.h"

namespace ortserve {
namespace {

using testing::BatcherTest;

/// Asks for the statistics whenever an answer leaves.
class CuriousSink final : public ResultSink {
 public:
  explicit CuriousSink(const std::shared_ptr<Batcher>& batcher) : batcher_(batcher) {}
  void prepare(Request& request) noexcept override { request.copied.out += 10; }
  void deliver(std::unique_ptr<Request> request) noexcept override {
    seen.push_back(batcher_->stats());
    kept.push_back(std::move(request));
  }

  std::vector<ModelStats::Snapshot> seen;
  std::vector<std::unique_ptr<Request>> kept;

 private:
  const std::shared_ptr<Batcher>& batcher_;
};

class StatsTest : public BatcherTest {};

TEST_F(StatsTest, WhatDoesNotRunHasNoTimes) {
  start({.max_batch_rows = 1, .queue = {.max_rows = 1}, .inline_ceiling = Nanoseconds(0)});
  std::atomic<bool> cancelled{true};
  occupy_runner();
  auto gone = request(1);
  gone->cancelled = &cancelled;
  ASSERT_TRUE(submit(std::move(gone)).ok());
  auto late = request(2);
  late->deadline = late->timings.received;
  EXPECT_EQ(submit(std::move(late)).code(), Code::kDeadlineExceeded);
  const auto last = request(3);
  while (submit(request(4)).ok()) {
  }
  runner->open_gate();
  sink.wait_for(2);
  const auto stats = batcher->stats();
  EXPECT_EQ(stats.refused_full + stats.refused_deadline, 2u);
  EXPECT_EQ(stats.fail.count, 0u);
  EXPECT_GE(stats.last_received, last->timings.received);
}

TEST_F(StatsTest, AFailedRunCountsAsFailureAndAsNoExecution) {
  start({.max_batch_rows = 1, .inline_ceiling = Nanoseconds(0)});
  runner->before_run = [](const Tensor&) { return Status(Code::kRunFailed, "no"); };
  ASSERT_TRUE(submit(request(1)).ok());
  sink.wait_for(1);
  const auto stats = batcher->stats();
  EXPECT_EQ(stats.fail.count, 1u);
  EXPECT_EQ(stats.success.count + stats.executions + stats.compute.infer.count, 0u);
  EXPECT_TRUE(stats.batches.empty());
}

TEST_F(StatsTest, AnAnswerIsCountedBeforeItLeaves) {
  start({.max_batch_rows = 8, .inline_ceiling = Nanoseconds(0)});
  CuriousSink curious(batcher);
  occupy_runner();
  for (int i = 0; i < 3; ++i) {
    auto made = request(1);
    made->sink = &curious;
    ASSERT_TRUE(submit(std::move(made)).ok());
  }
  std::atomic<bool> idle{false};
  batcher->close([&] {
    idle = true;
    idle.notify_all();
  });
  runner->open_gate();
  idle.wait(false);
  ASSERT_EQ(curious.seen.size(), 3u);
  EXPECT_EQ(curious.seen[0].success.count, sink.count() + 3) << "all of a batch, before the first of it is handed over";
  EXPECT_EQ(curious.seen[0].copied_out_bytes, 30u);
  EXPECT_EQ(curious.seen[0].batches.at(3).output.count, 1u);
}

TEST_F(StatsTest, EachRequestCountsTheStagesOfItsWholeBatch) {
  start({.max_batch_rows = 8, .inline_ceiling = Nanoseconds(0)});
  CuriousSink curious(batcher);
  occupy_runner();
  for (int i = 0; i < 4; ++i) {
    auto made = request(1, 2);
    made->sink = &curious;
    ASSERT_TRUE(submit(std::move(made)).ok());
  }
  std::atomic<bool> idle{false};
  batcher->close([&] {
    idle = true;
    idle.notify_all();
  });
  runner->open_gate();
  idle.wait(false);
  const auto stats = batcher->stats();
  EXPECT_EQ(stats.success.count, 5u);
  EXPECT_EQ(stats.rows, 9u);
  EXPECT_EQ(stats.executions, 2u);
  const auto& one = stats.batches.at(1).infer;
  const auto& eight = stats.batches.at(8).infer;
  EXPECT_EQ(eight.count, 1u);
  EXPECT_EQ(stats.compute.infer.nanoseconds, one.nanoseconds + 4 * eight.nanoseconds);
  EXPECT_GE(stats.success.nanoseconds, stats.decode.nanoseconds + stats.queue.nanoseconds +
                                           stats.compute.input.nanoseconds + stats.compute.infer.nanoseconds +
                                           stats.compute.output.nanoseconds);
  for (const auto& done : curious.kept) {
    EXPECT_LE(done->timings.queued, done->timings.started);
    EXPECT_LE(done->timings.started, done->timings.bound);
    EXPECT_LE(done->timings.bound, done->timings.computed);
    EXPECT_LE(done->timings.computed, done->timings.answered);
  }
}

TEST_F(StatsTest, OfAnIsolatedBatchEachRequestIsAnExecution) {
  start({.max_batch_rows = 8, .inline_ceiling = Nanoseconds(0)});
  runner->before_run = [](const Tensor& input) {
    return input.shape[0] > 1 ? Status(Code::kRunFailed, "not together") : Status();
  };
  occupy_runner();
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(submit(request(1)).ok());
  runner->open_gate();
  sink.wait_for(4);
  const auto stats = batcher->stats();
  EXPECT_EQ(stats.isolated, 3u);
  EXPECT_EQ(stats.executions, 4u);
  EXPECT_EQ(stats.batches.at(1).infer.count, 4u);
  EXPECT_EQ(stats.cuts[static_cast<size_t>(BatchCut::kInstanceFree)], 2u) << "one cut per batch";
}

}  // namespace
}  // namespace ortserve
