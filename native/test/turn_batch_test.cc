// SPDX-License-Identifier: Apache-2.0
#include "core/turn_batch.h"

#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "test/batcher_fixture.h"

namespace ortserve {
namespace {

using Rows = std::vector<int64_t>;

/// A model so cheap that it runs on the calling thread.
class TurnBatchTest : public testing::BatcherTest {
 protected:
  void SetUp() override { start({}, CostCurve({{1, 100}, {8, 200}})); }
  void add(std::unique_ptr<Request> made) { ASSERT_TRUE(batcher->submit(made, &turn).ok()); }

  TurnBatch turn;
};

TEST_F(TurnBatchTest, WhatIsDroppedEndsAsCancelledAndFreesTheModel) {
  add(request(1));
  turn.drop();
  const auto done = sink.wait_for(1);
  EXPECT_EQ(done[0]->status.code(), Code::kCancelled);
  EXPECT_EQ(runner->rows_seen(), Rows{});
  bool idle = false;
  batcher->close([&] { idle = true; });
  EXPECT_TRUE(idle);
}

TEST_F(TurnBatchTest, WhatNobodyWantsAnyMoreDoesNotRun) {
  std::atomic<bool> cancelled{false};
  auto gone = request(1);
  gone->cancelled = &cancelled;
  add(std::move(gone));
  add(request(2));
  cancelled = true;
  turn.run();
  int ok = 0;
  for (const auto& done : sink.wait_for(2)) ok += done->status.ok();
  EXPECT_EQ(ok, 1);
  EXPECT_EQ(runner->rows_seen(), Rows{1});
  EXPECT_EQ(batcher->stats().cancelled, 1u);
}

TEST_F(TurnBatchTest, AfterAnAbortNothingRuns) {
  add(request(1));
  batcher->abort();
  turn.run();
  EXPECT_EQ(sink.wait_for(1)[0]->status.code(), Code::kModelClosed);
  EXPECT_EQ(runner->rows_seen(), Rows{});
}

TEST_F(TurnBatchTest, ARowAtFaultFailsAlone) {
  runner->before_run = [](const Tensor& input) {
    for (int64_t row = 0; row < input.shape[0]; ++row) {
      if (input.data.as<const float>()[2 * row] == 2) return Status(Code::kRunFailed, "two");
    }
    return Status();
  };
  for (const float value : {1.0f, 2.0f, 3.0f}) add(request(value));
  turn.run();
  int failed = 0;
  for (const auto& done : sink.wait_for(3)) failed += !done->status.ok();
  EXPECT_EQ(failed, 1);
}

TEST_F(TurnBatchTest, RunsATurnsRequestsTogetherAndGivesEachItsRows) {
  for (const float value : {1.0f, 2.0f, 3.0f}) add(request(value, 2));
  EXPECT_EQ(sink.count(), 0u) << "not before the turn ends";
  turn.run();
  EXPECT_EQ(sink.count(), 3u) << "and all when it has";
  std::set<float> seen;
  for (const auto& done : sink.wait_for(3)) {
    const float* sums = done->outputs[0].tensor.data.as<float>();
    seen.insert(sums[0]);
    EXPECT_EQ(sums[1], sums[0] + 1);
  }
  EXPECT_EQ(seen, (std::set<float>{1, 2, 3}));
  EXPECT_EQ(runner->rows_seen(), Rows{6});
  EXPECT_EQ(batcher->stats().ran_inline, 3u);
  EXPECT_EQ(turn.take_ended(), 3u);
  EXPECT_EQ(turn.take_ended(), 0u);
}

TEST_F(TurnBatchTest, AFullBatchRunsBeforeTheNextBegins) {
  for (int i = 0; i < 11; ++i) add(request(static_cast<float>(i)));
  EXPECT_EQ(runner->rows_seen(), Rows{8});
  turn.run();
  EXPECT_EQ(runner->rows_seen(), (Rows{8, 3}));
  EXPECT_EQ(turn.added(), 11u);
}

TEST_F(TurnBatchTest, ARequestThatLeavesNoRoomRunsAtOnce) {
  add(request(1, 5));
  EXPECT_EQ(sink.count(), 1u);
  EXPECT_EQ(turn.added(), 0u);
}

TEST_F(TurnBatchTest, RequestsThatWantDifferentOutputsDoNotMix) {
  add(request(1));
  auto other = request(2);
  other->wanted = {0, 0};
  other->shape_key = shape_key_of(*other, true);
  add(std::move(other));
  turn.run();
  EXPECT_EQ(runner->rows_seen(), (Rows{1, 1}));
}

TEST_F(TurnBatchTest, ABusyQueueTakesTheRequestInstead) {
  start({.instances = 1}, CostCurve({{1, 100}, {8, 200}}));
  runner->close_gate();
  std::thread busy([&] { ASSERT_TRUE(submit(request(0)).ok()); });
  runner->wait_entered(1);
  add(request(1));
  EXPECT_EQ(turn.added(), 0u);
  runner->open_gate();
  busy.join();
  sink.wait_for(2);
}

}  // namespace
}  // namespace ortserve
