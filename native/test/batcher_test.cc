// SPDX-License-Identifier: Apache-2.0
#include "core/batcher.h"

#include <gtest/gtest.h>

#include <map>
#include <thread>

#include "test/batcher_fixture.h"

namespace ortserve {
namespace {

using std::chrono::microseconds;
using testing::BatcherTest;
using testing::sum_spec;

TEST_F(BatcherTest, RefusesBeyondTheRowBound) {
  start({.queue = {.max_rows = 4}});
  occupy_runner();
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(submit(request(1)).ok());
  const Status full = submit(request(1));
  EXPECT_EQ(full.code(), Code::kQueueFull);
  EXPECT_NE(full.message().find("4 rows"), std::string::npos);
  runner->open_gate();
  sink.wait_for(5);
  EXPECT_TRUE(submit(request(1)).ok());
  sink.wait_for(1);
  EXPECT_EQ(batcher->stats().refused_full, 1u);
}

TEST_F(BatcherTest, RefusesBeyondTheByteBound) {
  start({.queue = {.max_bytes = 20}});
  occupy_runner();
  EXPECT_TRUE(submit(request(1, 2)).ok());
  EXPECT_EQ(submit(request(1, 2)).code(), Code::kQueueFull);
  runner->open_gate();
  sink.wait_for(2);
}

TEST_F(BatcherTest, RefusesAHopelessDeadlineAtOnce) {
  start({.max_batch_rows = 1}, CostCurve({{1, 1e9}}));
  occupy_runner();
  ASSERT_TRUE(submit(request(1)).ok());
  auto hopeless = request(2);
  hopeless->deadline = Clock::now() + std::chrono::milliseconds(10);
  const Status status = submit(std::move(hopeless));
  EXPECT_EQ(status.code(), Code::kDeadlineExceeded);
  EXPECT_NE(status.message().find("the result is expected in 2000000 us"), std::string::npos) << status.message();
  EXPECT_EQ(sink.count(), 0u);
  EXPECT_EQ(batcher->stats().refused_deadline, 1u);
  runner->open_gate();
  sink.wait_for(2);
}

// What was slow once may be fast now, and only a run can tell.
TEST_F(BatcherTest, LetsTheHopelessTryNowAndThen) {
  start({.inline_ceiling = Nanoseconds(0)}, CostCurve({{1, 3600e9}}));
  int refused = 0;
  for (;; ++refused) {
    auto hopeful = request(1);
    hopeful->deadline = Clock::now() + std::chrono::seconds(600);
    const Status status = submit(std::move(hopeful));
    if (status.ok()) break;
    ASSERT_EQ(status.code(), Code::kDeadlineExceeded);
    ASSERT_LT(refused, 100);
  }
  EXPECT_GT(refused, 0);
  EXPECT_TRUE(sink.wait_for(1).front()->status.ok());
  EXPECT_LT(batcher->curve().least_cost(1), std::chrono::seconds(3600));
}

// The look ahead has an end; whoever lives behind it must not wait for the next request.
TEST_F(BatcherTest, ServesWhoStandsBehindManyThatAreGone) {
  start({.max_batch_rows = 1});
  occupy_runner();
  std::atomic<bool> cancelled{false};
  for (int i = 0; i < 1000; ++i) {
    auto gone = request(1);
    gone->cancelled = &cancelled;
    ASSERT_TRUE(submit(std::move(gone)).ok());
  }
  ASSERT_TRUE(submit(request(7)).ok());
  cancelled = true;
  runner->open_gate();
  int served = 0;
  for (const auto& done : sink.wait_for(1002)) served += done->status.ok();
  EXPECT_EQ(served, 2);
  EXPECT_EQ(batcher->queued_rows(), 0);
}

TEST_F(BatcherTest, ARequestWhoseCallerHasGoneIsNoSuccess) {
  start({.max_batch_rows = 1});
  runner->close_gate();
  std::atomic<bool> cancelled{false};
  auto gone = request(1);
  gone->cancelled = &cancelled;
  ASSERT_TRUE(submit(std::move(gone)).ok());
  runner->wait_entered(1);
  cancelled = true;
  runner->open_gate();
  sink.wait_for(1);
  EXPECT_EQ(batcher->stats().success.count, 0u);
  EXPECT_EQ(batcher->stats().fail.count, 1u);
}

TEST_F(BatcherTest, TellsHowLongTheQueueWillTake) {
  start({.max_batch_rows = 2}, CostCurve({{1, 3e9}, {2, 4e9}}));
  EXPECT_EQ(batcher->backlog(), Nanoseconds(0));
  occupy_runner();
  ASSERT_TRUE(submit(request(1)).ok());
  EXPECT_EQ(batcher->backlog(), Nanoseconds(0)) << "the next run takes it, and one more";
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(submit(request(2)).ok());
  EXPECT_EQ(batcher->backlog(), std::chrono::seconds(8)) << "two full batches";
  runner->open_gate();
  sink.wait_for(6);
}

TEST_F(BatcherTest, GivesEachCallerItsOwnRows) {
  start({.max_batch_rows = 16});
  occupy_runner();
  for (int i = 1; i <= 6; ++i) ASSERT_TRUE(submit(request(static_cast<float>(100 * i), i % 3 + 1)).ok());
  runner->open_gate();
  for (const auto& done : sink.wait_for(7)) {
    ASSERT_TRUE(done->status.ok()) << done->status.message();
    ASSERT_EQ(done->outputs.size(), 1u);
    const Tensor& sums = done->outputs[0].tensor;
    ASSERT_EQ(sums.shape, (Shape{done->rows, 1}));
    const float base = sums.data.as<float>()[0];
    for (int64_t row = 0; row < done->rows; ++row)
      EXPECT_EQ(sums.data.as<float>()[row], base + static_cast<float>(row));
  }
  EXPECT_EQ(runner->rows_seen(), (std::vector<int64_t>{1, 12}));
  const auto stats = batcher->stats();
  EXPECT_EQ(stats.requests, 7u);
  EXPECT_EQ(stats.rows, 13u);
  EXPECT_EQ(stats.executions, 2u);
  EXPECT_EQ(stats.batches.at(12).infer.count, 1u);
  EXPECT_EQ(stats.copied_in_bytes, 12 * 2 * sizeof(float));  // joining; the lone request ran in place
}

TEST_F(BatcherTest, APoisonRowFailsAlone) {
  runner->before_run = [](const Tensor& input) {
    for (int64_t row = 0; row < input.shape[0]; ++row) {
      if (input.data.as<const float>()[2 * row] == 666) return Status(Code::kRunFailed, "poison");
    }
    return Status();
  };
  start({.max_batch_rows = 16});
  occupy_runner();
  for (float value : {1.f, 666.f, 3.f}) ASSERT_TRUE(submit(request(value)).ok());
  runner->open_gate();
  std::map<bool, int> outcomes;
  for (const auto& done : sink.wait_for(4)) {
    ++outcomes[done->status.ok()];
    if (!done->status.ok()) {
      EXPECT_EQ(done->status.code(), Code::kRunFailed);
      EXPECT_TRUE(done->outputs.empty());
    }
  }
  EXPECT_EQ(outcomes[true], 3);
  EXPECT_EQ(outcomes[false], 1);
  EXPECT_EQ(batcher->stats().isolated, 3u);
}

// A device with room for so many rows.
auto room_for(int64_t rows) {
  return [rows](const Tensor& input) {
    return input.shape[0] > rows ? Status(Code::kOutOfMemory, "CUDA failure 2: out of memory") : Status();
  };
}

TEST_F(BatcherTest, ABatchThatDoesNotFitIsHalvedUntilItDoes) {
  runner->before_run = room_for(2);
  start({.max_batch_rows = 16});
  occupy_runner();
  for (float value = 1; value <= 8; ++value) ASSERT_TRUE(submit(request(value)).ok());
  runner->open_gate();
  for (const auto& done : sink.wait_for(9)) EXPECT_TRUE(done->status.ok()) << done->status.message();
  EXPECT_EQ(runner->rows_seen(), (std::vector<int64_t>{1, 8, 4, 2, 2, 4, 2, 2}));
  const ModelStats::Snapshot stats = batcher->stats();
  EXPECT_EQ(stats.isolated, 0u);
  EXPECT_EQ(stats.executions, 5u);
  EXPECT_EQ(stats.rows, 9u);
}

TEST_F(BatcherTest, AfterwardsBatchesAreNoLargerThanWhatFits) {
  runner->before_run = room_for(4);
  start({.max_batch_rows = 16});
  occupy_runner();
  for (float value = 1; value <= 8; ++value) ASSERT_TRUE(submit(request(value)).ok());
  EXPECT_EQ(batcher->max_batch_rows(), 16);
  runner->open_gate();
  sink.wait_for(9);
  EXPECT_EQ(batcher->max_batch_rows(), 4);
  EXPECT_EQ(runner->rows_seen(), (std::vector<int64_t>{1, 8, 4, 4}));
}

TEST_F(BatcherTest, ARequestThatDoesNotFitByItselfFailsAlone) {
  runner->before_run = room_for(2);
  start({.max_batch_rows = 16});
  occupy_runner();
  ASSERT_TRUE(submit(request(1)).ok());
  ASSERT_TRUE(submit(request(2, 3)).ok());
  runner->open_gate();
  int failed = 0;
  for (const auto& done : sink.wait_for(3)) {
    if (done->status.ok()) continue;
    ++failed;
    EXPECT_EQ(done->status.code(), Code::kOutOfMemory);
    EXPECT_EQ(done->rows, 3);
  }
  EXPECT_EQ(failed, 1);
  runner->before_run = nullptr;
}

TEST_F(BatcherTest, AnOutputWithoutABatchDimensionNeverMixesRows) {
  runner->after_run = [](std::vector<Value>& outputs) {
    if (outputs[0].tensor.shape[0] > 1) outputs[0].tensor = outputs[0].tensor.rows(0, 1);
  };
  start({.max_batch_rows = 16});
  occupy_runner();
  for (float value : {1.f, 2.f}) ASSERT_TRUE(submit(request(value)).ok());
  runner->open_gate();
  for (const auto& done : sink.wait_for(3)) EXPECT_TRUE(done->status.ok());
  EXPECT_EQ(runner->rows_seen(), (std::vector<int64_t>{1, 2, 1, 1}));
}

TEST_F(BatcherTest, DropsCancelledAndExpiredRequestsBeforeTheyCost) {
  start({.max_batch_rows = 1});
  occupy_runner();
  std::atomic<bool> cancelled{false};
  auto gone = request(1);
  gone->cancelled = &cancelled;
  ASSERT_TRUE(submit(std::move(gone)).ok());
  auto late = request(2);
  const TimePoint deadline = Clock::now() + std::chrono::milliseconds(1);
  late->deadline = deadline;
  ASSERT_TRUE(submit(std::move(late)).ok());
  cancelled = true;
  while (Clock::now() <= deadline) std::this_thread::yield();
  runner->open_gate();
  std::map<Code, int> codes;
  for (const auto& done : sink.wait_for(3)) ++codes[done->status.code()];
  EXPECT_EQ(codes, (std::map<Code, int>{{Code::kOk, 1}, {Code::kCancelled, 1}, {Code::kDeadlineExceeded, 1}}));
  EXPECT_EQ(runner->rows_seen().size(), 1u);
  EXPECT_EQ(batcher->stats().cancelled, 1u);
  EXPECT_EQ(batcher->stats().expired, 1u);
}

TEST_F(BatcherTest, RunsACheapModelOnTheCallingThread) {
  start({}, CostCurve({{1, 2000}}));
  std::thread::id where;
  runner->before_run = [&where](const Tensor&) {
    where = std::this_thread::get_id();
    return Status();
  };
  ASSERT_TRUE(submit(request(1)).ok());
  EXPECT_EQ(sink.count(), 1u);
  EXPECT_EQ(where, std::this_thread::get_id());
  EXPECT_EQ(batcher->stats().ran_inline, 1u);
}

TEST_F(BatcherTest, NeverRunsAModelWithDynamicRowsInline) {
  ModelSpec spec = sum_spec();
  spec.inputs[0].dims = Shape{-1, -1};
  start({}, CostCurve({{1, 2000}}), spec);
  ASSERT_TRUE(submit(request(1)).ok());
  sink.wait_for(1);
  EXPECT_EQ(batcher->stats().ran_inline, 0u);
}

TEST_F(BatcherTest, WaitsForCompanyWhenAskedTo) {
  start({.max_batch_rows = 2, .max_delay = std::chrono::hours(1)});
  ASSERT_TRUE(submit(request(1)).ok());
  ASSERT_TRUE(submit(request(2)).ok());
  sink.wait_for(2);
  EXPECT_EQ(runner->rows_seen(), (std::vector<int64_t>{2}));
}

TEST_F(BatcherTest, ALoneRequestRunsWhenItsDelayIsOver) {
  start({.max_batch_rows = 8, .max_delay = microseconds(300)});
  ASSERT_TRUE(submit(request(1)).ok());
  sink.wait_for(1);
  EXPECT_EQ(runner->rows_seen(), (std::vector<int64_t>{1}));
}

TEST_F(BatcherTest, RunsAtMostItsInstancesAtOnce) {
  start({.instances = 1, .max_batch_rows = 1});
  occupy_runner();
  for (int i = 0; i < 8; ++i) ASSERT_TRUE(submit(request(1)).ok());
  EXPECT_EQ(runner->rows_seen().size(), 1u);
  runner->open_gate();
  sink.wait_for(9);
}

TEST_F(BatcherTest, UsesEveryInstanceWhenBatchingGainsNothing) {
  start({.instances = 2, .max_batch_rows = 1});
  runner->close_gate();
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(submit(request(1)).ok());
  runner->wait_entered(2);
  runner->open_gate();
  sink.wait_for(2);
}

TEST_F(BatcherTest, CloseFinishesWhatWasAccepted) {
  start({.max_batch_rows = 1});
  occupy_runner();
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(submit(request(1)).ok());
  std::atomic<bool> idle{false};
  batcher->close([&] { idle = true; });
  EXPECT_EQ(submit(request(1)).code(), Code::kModelClosed);
  EXPECT_FALSE(idle);
  runner->open_gate();
  for (const auto& done : sink.wait_for(4)) EXPECT_TRUE(done->status.ok());
  while (!idle) std::this_thread::yield();
}

TEST_F(BatcherTest, CloseOfAnIdleModelIsImmediate) {
  start({});
  bool idle = false;
  batcher->close([&] { idle = true; });
  EXPECT_TRUE(idle);
}

TEST_F(BatcherTest, AbortFailsTheQueuedAndStopsTheRunning) {
  start({.max_batch_rows = 1});
  occupy_runner();
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(submit(request(1)).ok());
  batcher->abort();
  for (const auto& done : sink.wait_for(4)) EXPECT_EQ(done->status.code(), Code::kModelClosed);
}

TEST_F(BatcherTest, ManyThreadsManyShapesEveryAnswerOnce) {
  start({.instances = 2, .max_batch_rows = 8, .queue = {.max_rows = 1 << 20}, .inline_ceiling = Nanoseconds(0)});
  constexpr int kPerThread = 500;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kPerThread; ++i) {
        ASSERT_TRUE(submit(request(static_cast<float>(t * kPerThread + i) * 10, 1 + i % 5)).ok());
      }
    });
  }
  for (auto& thread : threads) thread.join();
  std::map<float, int> seen;
  for (const auto& done : sink.wait_for(4 * kPerThread)) {
    ASSERT_TRUE(done->status.ok());
    const float* sums = done->outputs[0].tensor.data.as<const float>();
    for (int64_t row = 0; row < done->rows; ++row) EXPECT_EQ(sums[row], sums[0] + static_cast<float>(row));
    ++seen[sums[0]];
  }
  EXPECT_EQ(seen.size(), static_cast<size_t>(4 * kPerThread));
}

}  // namespace
}  // namespace ortserve
