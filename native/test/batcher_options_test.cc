// SPDX-License-Identifier: Apache-2.0
// The batcher's options beside the plain queue: timeouts, priorities, padding, order, the delay that it finds.
#include <map>
#include <thread>

#include "test/batcher_fixture.h"

namespace ortserve {
namespace {

using std::chrono::microseconds;
using testing::BatcherTest;
using testing::sum_spec;

TEST_F(BatcherTest, ARequestThatWaitsTooLongIsRejected) {
  start({.max_batch_rows = 1});
  occupy_runner();
  auto impatient = request(1);
  impatient->queue_timeout = microseconds(500);
  ASSERT_TRUE(submit(std::move(impatient)).ok());
  const TimePoint over = Clock::now() + microseconds(500);
  while (Clock::now() <= over) std::this_thread::yield();
  runner->open_gate();
  std::map<Code, int> codes;
  for (const auto& done : sink.wait_for(2)) ++codes[done->status.code()];
  EXPECT_EQ(codes, (std::map<Code, int>{{Code::kOk, 1}, {Code::kQueueTimeout, 1}}));
  EXPECT_EQ(batcher->stats().expired, 1u);
}

TEST_F(BatcherTest, RefusesWhatCannotStartWithinItsQueueTimeout) {
  start({.max_batch_rows = 1, .queue = {.timeout = std::chrono::seconds(2)}, .inline_ceiling = Nanoseconds(0)},
        CostCurve({{1, 1e9}}));
  occupy_runner();
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(submit(request(1)).ok());
  const Status status = submit(request(1));
  EXPECT_EQ(status.code(), Code::kQueueTimeout);
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

}  // namespace
}  // namespace ortserve
