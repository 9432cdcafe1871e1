// SPDX-License-Identifier: Apache-2.0
#include "core/batcher.h"

#include <gtest/gtest.h>

#include <map>
#include <thread>

#include "test/collector.h"
#include "test/fake_runner.h"

namespace ortserve {
namespace {

using std::chrono::microseconds;
using testing::Collector;
using testing::FakeRunner;
using testing::sum_spec;

class BatcherTest : public ::testing::Test {
 protected:
  void start(BatcherOptions options, CostCurve curve = {}, ModelSpec spec = sum_spec()) {
    batcher = std::make_shared<Batcher>(workers, pool, runner, std::move(spec), std::move(curve), options);
  }
  std::unique_ptr<Request> request(float value, int64_t rows = 1) {
    auto made = std::make_unique<Request>();
    auto tensor = allocate_tensor(pool, DType::kFp32, Shape{rows, 2});
    for (int64_t i = 0; i < rows; ++i) {
      tensor->data.as<float>()[2 * i] = value;
      tensor->data.as<float>()[2 * i + 1] = static_cast<float>(i);
    }
    made->input_bytes = tensor->byte_size();
    made->inputs.push_back(std::move(*tensor));
    made->present = {true};
    made->rows = rows;
    made->shape_key = shape_key_of(*made, true);
    made->sink = &sink;
    made->timings.received = Clock::now();
    return made;
  }
  Status submit(std::unique_ptr<Request> made) {
    Status status = batcher->submit(made);
    EXPECT_EQ(status.ok(), made == nullptr);
    return status;
  }
  // One request stands at the gate, so that whatever follows queues up behind it.
  void occupy_runner() {
    runner->close_gate();
    ASSERT_TRUE(submit(request(0)).ok());
    runner->wait_entered(1);
  }

  BufferPool pool{{}};
  Collector sink;
  WorkerPool workers{2};
  std::shared_ptr<FakeRunner> runner = std::make_shared<FakeRunner>(pool);
  std::shared_ptr<Batcher> batcher;
};

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
  start({.inline_ceiling = Nanoseconds(0)}, CostCurve({{1, 1e9}}));
  auto hopeless = request(1);
  hopeless->deadline = Clock::now() + std::chrono::milliseconds(10);
  const Status status = submit(std::move(hopeless));
  EXPECT_EQ(status.code(), Code::kDeadlineExceeded);
  EXPECT_EQ(sink.count(), 0u);
  EXPECT_EQ(batcher->stats().refused_deadline, 1u);
  EXPECT_TRUE(runner->rows_seen().empty());
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
  EXPECT_EQ(stats.batches.at(12).count, 1u);
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

TEST_F(BatcherTest, ARequestThatWaitsTooLongIsRejected) {
  start({.max_batch_rows = 1, .queue = {.timeout = microseconds(500)}});
  occupy_runner();
  ASSERT_TRUE(submit(request(1)).ok());
  const TimePoint over = Clock::now() + microseconds(500);
  while (Clock::now() <= over) std::this_thread::yield();
  runner->open_gate();
  std::map<Code, int> codes;
  for (const auto& done : sink.wait_for(2)) ++codes[done->status.code()];
  EXPECT_EQ(codes, (std::map<Code, int>{{Code::kOk, 1}, {Code::kDeadlineExceeded, 1}}));
  EXPECT_EQ(batcher->stats().expired, 1u);
}

TEST_F(BatcherTest, RefusesWhatCannotStartWithinItsQueueTimeout) {
  start({.max_batch_rows = 1, .queue = {.timeout = std::chrono::seconds(2)}, .inline_ceiling = Nanoseconds(0)},
        CostCurve({{1, 1e9}}));
  occupy_runner();
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(submit(request(1)).ok());
  const Status status = submit(request(1));
  EXPECT_EQ(status.code(), Code::kDeadlineExceeded);
  EXPECT_NE(status.message().find("2000000 us"), std::string::npos) << status.message();
  runner->open_gate();
  sink.wait_for(4);
}

TEST_F(BatcherTest, ADelayedRequestRunsAfterThoseInTime) {
  start({.max_batch_rows = 1, .queue = {.on_timeout = OnQueueTimeout::kDelay}});
  occupy_runner();
  auto late = request(1);
  late->queue_timeout = microseconds(1);
  ASSERT_TRUE(submit(std::move(late)).ok());
  ASSERT_TRUE(submit(request(2)).ok());
  const TimePoint over = Clock::now() + microseconds(1);
  while (Clock::now() <= over) std::this_thread::yield();
  runner->open_gate();
  const auto done = sink.wait_for(3);
  EXPECT_EQ(done[1]->outputs.at(0).tensor.data.as<const float>()[0], 2);
  EXPECT_EQ(done[2]->outputs.at(0).tensor.data.as<const float>()[0], 1);
  EXPECT_EQ(batcher->stats().delayed, 1u);
}

TEST_F(BatcherTest, ServesTheHigherPriorityFirst) {
  start({.max_batch_rows = 1, .queue = {.priority_levels = 2, .default_priority = 2}});
  occupy_runner();
  ASSERT_TRUE(submit(request(1)).ok());
  ASSERT_TRUE(submit(request(2)).ok());
  auto urgent = request(3);
  urgent->priority = 1;
  ASSERT_TRUE(submit(std::move(urgent)).ok());
  runner->open_gate();
  std::vector<float> order;
  for (const auto& done : sink.wait_for(4)) order.push_back(done->outputs.at(0).tensor.data.as<const float>()[0]);
  EXPECT_EQ(order, (std::vector<float>{0, 3, 1, 2}));
}

TEST_F(BatcherTest, PadsABatchAndHidesThePadding) {
  start({.pad_to = {8, 4, 1}});
  occupy_runner();
  for (float value : {100.f, 200.f, 300.f}) ASSERT_TRUE(submit(request(value, 2)).ok());
  runner->open_gate();
  for (const auto& done : sink.wait_for(4)) {
    ASSERT_TRUE(done->status.ok()) << done->status.message();
    const Tensor& sums = done->outputs.at(0).tensor;
    ASSERT_EQ(sums.shape, (Shape{done->rows, 1}));
    for (int64_t row = 0; row < done->rows; ++row) {
      EXPECT_EQ(sums.data.as<const float>()[row], sums.data.as<const float>()[0] + static_cast<float>(row));
    }
    EXPECT_EQ(done->batch_rows, done->rows == 1 ? 1 : 6);
  }
  EXPECT_EQ(runner->rows_seen(), (std::vector<int64_t>{1, 8}));
  EXPECT_EQ(batcher->stats().padded_rows, 2u);
  EXPECT_EQ(batcher->stats().rows, 7u);
}

TEST_F(BatcherTest, PadsALoneRequestAndOneThatFailedInCompany) {
  runner->before_run = [](const Tensor& input) {
    EXPECT_EQ(input.shape[0], 4);
    for (int64_t row = 0; row < input.shape[0]; ++row) {
      if (input.data.as<const float>()[2 * row] == 666) return Status(Code::kRunFailed, "poison");
    }
    return Status();
  };
  start({.pad_to = {4}});
  occupy_runner();
  for (float value : {1.f, 666.f}) ASSERT_TRUE(submit(request(value)).ok());
  runner->open_gate();
  std::map<Code, int> codes;
  for (const auto& done : sink.wait_for(3)) {
    ++codes[done->status.code()];
    if (done->status.ok()) {
      EXPECT_EQ(done->outputs.at(0).tensor.shape, (Shape{1, 1}));
    }
  }
  EXPECT_EQ(codes, (std::map<Code, int>{{Code::kOk, 2}, {Code::kRunFailed, 1}}));
}

TEST_F(BatcherTest, ARequestBeyondTheLargestPaddedSizeRunsAsItIs) {
  start({.pad_to = {4}});
  ASSERT_TRUE(submit(request(1, 6)).ok());
  EXPECT_TRUE(sink.wait_for(1).front()->status.ok());
  EXPECT_EQ(runner->rows_seen(), (std::vector<int64_t>{6}));
}

TEST_F(BatcherTest, AnswersInTheOrderOfAcceptanceWhenAskedTo) {
  // Two instances: the first request stands at the gate while the second runs.
  std::atomic<bool> first_may_go{false};
  runner->before_run = [&](const Tensor& input) {
    while (input.data.as<const float>()[0] == 1 && !first_may_go) std::this_thread::yield();
    return Status();
  };
  start({.instances = 2, .max_batch_rows = 1, .preserve_order = true});
  ASSERT_TRUE(submit(request(1)).ok());
  runner->wait_entered(1);
  ASSERT_TRUE(submit(request(2)).ok());
  ASSERT_TRUE(submit(request(3)).ok());
  while (batcher->stats().executions < 2) std::this_thread::yield();
  EXPECT_EQ(sink.count(), 0u);
  first_may_go = true;
  std::vector<float> order;
  for (const auto& done : sink.wait_for(3)) order.push_back(done->outputs.at(0).tensor.data.as<const float>()[0]);
  EXPECT_EQ(order, (std::vector<float>{1, 2, 3}));
}

TEST_F(BatcherTest, CountsWhyBatchesWereCut) {
  start({.max_batch_rows = 4});
  occupy_runner();
  for (int i = 0; i < 6; ++i) ASSERT_TRUE(submit(request(1)).ok());
  runner->open_gate();
  sink.wait_for(7);
  const auto cuts = batcher->stats().cuts;
  EXPECT_EQ(cuts[static_cast<size_t>(BatchCut::kFull)], 1u);
  EXPECT_EQ(cuts[static_cast<size_t>(BatchCut::kInstanceFree)], 2u);
}

// Eight callers, each waiting for its answer, and a model whose run costs the same for any batch. Work-conserving
// batching leaves them in two groups that take turns; a delay joins them.
TEST_F(BatcherTest, FindsADelayThatPays) {
  runner->before_run = [](const Tensor&) {
    const TimePoint end = Clock::now() + std::chrono::milliseconds(2);
    while (Clock::now() < end) std::this_thread::yield();
    return Status();
  };
  start({.max_batch_rows = 8, .tune_delay = true}, CostCurve({{1, 2e6}, {8, 2.1e6}}));
  for (int i = 0; i < 8; ++i) ASSERT_TRUE(submit(request(1)).ok());
  // Whether a delay was tried shows in why batches were cut: without one, none is cut for enough company.
  while (batcher->stats().cuts[static_cast<size_t>(BatchCut::kDelay)] == 0) {
    for (const auto& done : sink.wait_for(1)) {
      ASSERT_TRUE(done->status.ok());
      ASSERT_TRUE(submit(request(1)).ok());
    }
  }
  sink.wait_for(8);
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
