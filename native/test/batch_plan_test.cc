// SPDX-License-Identifier: Apache-2.0
#include "core/batch_plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace ortserve {
namespace {

using std::chrono::microseconds;

constexpr TimePoint kStart{std::chrono::seconds(100)};

QueuedEntry entry(int64_t rows, uint64_t shape = 1, microseconds age = microseconds(0)) {
  return {rows, shape, kStart - age, kNoDeadline, false};
}

BatchPlan plan(const std::vector<QueuedEntry>& queue, const BatchPolicy& policy, int busy = 0, int64_t rows = 0) {
  BatchPlan result;
  plan_batch(queue, policy, {.busy_runners = busy, .rows = rows}, kStart, result);
  return result;
}

using Indices = std::vector<uint32_t>;

TEST(BatchPlan, TakesNothingFromAnEmptyQueue) {
  const auto result = plan({}, {.max_rows = 8});
  EXPECT_TRUE(result.take.empty());
  EXPECT_EQ(result.wake, TimePoint::max());
}

TEST(BatchPlan, FillsUpToTheCapCountedInRows) {
  EXPECT_EQ(plan({entry(3), entry(3), entry(3)}, {.max_rows = 8}).take, (Indices{0, 1}));
  EXPECT_EQ(plan({entry(4), entry(4), entry(1)}, {.max_rows = 8}).take, (Indices{0, 1}));
}

TEST(BatchPlan, RunsARequestLargerThanTheCapAlone) {
  EXPECT_EQ(plan({entry(20), entry(1)}, {.max_rows = 8}).take, (Indices{0}));
}

TEST(BatchPlan, NeverOvertakesARequestOfTheSameShape) {
  EXPECT_EQ(plan({entry(5), entry(5), entry(1)}, {.max_rows = 8}).take, (Indices{0}));
}

TEST(BatchPlan, SkipsOtherShapesWithinTheScanLimit) {
  const std::vector<QueuedEntry> queue = {entry(1, 1), entry(1, 2), entry(1, 1), entry(1, 2), entry(1, 2), entry(1, 1)};
  EXPECT_EQ(plan(queue, {.max_rows = 8}).take, (Indices{0, 2, 5}));
  EXPECT_EQ(plan(queue, {.max_rows = 8, .scan_limit = 2}).take, (Indices{0, 2}));
}

TEST(BatchPlan, DropsTheCancelledAndTheExpired) {
  auto cancelled = entry(1);
  cancelled.cancelled = true;
  auto expired = entry(1);
  expired.deadline = kStart;
  const auto result = plan({cancelled, entry(1), expired, entry(1)}, {.max_rows = 8});
  EXPECT_EQ(result.drop, (Indices{0, 2}));
  EXPECT_EQ(result.take, (Indices{1, 3}));
}

TEST(BatchPlan, WaitsForCompanyUntilTheOldestHasWaitedLongEnough) {
  const BatchPolicy policy{.max_rows = 8, .max_delay = microseconds(500), .target_rows = 4};
  const auto young = plan({entry(1, 1, microseconds(100))}, policy);
  EXPECT_TRUE(young.take.empty());
  EXPECT_EQ(young.wake, kStart + microseconds(400));
  EXPECT_EQ(plan({entry(1, 1, microseconds(500))}, policy).take, (Indices{0}));
  EXPECT_EQ(plan({entry(2), entry(2)}, policy).take, (Indices{0, 1}));
}

TEST(BatchPlan, ADeadlineEndsTheWait) {
  auto urgent = entry(1);
  urgent.deadline = kStart + microseconds(200);
  const BatchPolicy policy{.max_rows = 8, .max_delay = microseconds(500), .target_rows = 4};
  EXPECT_EQ(plan({urgent}, policy).take, (Indices{0}));
}

TEST(BatchPlan, LeavesFewRowsToTheBusyRunner) {
  const BatchPolicy policy{.max_rows = 16, .worthwhile_rows = 4, .patience = microseconds(1000)};
  EXPECT_EQ(plan({entry(1)}, policy, 0).take, (Indices{0}));
  const auto waiting = plan({entry(1, 1, microseconds(300))}, policy, 1);
  EXPECT_TRUE(waiting.take.empty());
  EXPECT_EQ(waiting.wake, kStart + microseconds(700));
  EXPECT_EQ(plan({entry(2), entry(2)}, policy, 1).take, (Indices{0, 1}));
  EXPECT_EQ(plan({entry(1, 1, microseconds(1000))}, policy, 1).take, (Indices{0}));
}

TEST(BatchPlan, AFullBatchNeverWaits) {
  const BatchPolicy policy{.max_rows = 2,
                           .max_delay = microseconds(500),
                           .target_rows = 8,
                           .worthwhile_rows = 8,
                           .patience = microseconds(900)};
  EXPECT_EQ(plan({entry(1), entry(1), entry(1)}, policy, 3).take, (Indices{0, 1}));
}

TEST(BatchPlan, APreferredSizeRunsAtOnce) {
  const BatchPolicy policy{.max_rows = 16, .max_delay = microseconds(500), .target_rows = 16, .preferred_rows = {4, 8}};
  const auto early = plan({entry(1), entry(1), entry(1)}, policy);
  EXPECT_TRUE(early.take.empty());
  const auto four = plan(std::vector(7, entry(1)), policy);
  EXPECT_EQ(four.take.size(), 4u);
  EXPECT_EQ(four.cut, BatchCut::kPreferred);
  EXPECT_EQ(plan(std::vector(11, entry(1)), policy).take.size(), 8u);
  // Two rows each: 3 makes no preferred size, 4 and 8 do.
  EXPECT_EQ(plan({entry(3), entry(2), entry(3), entry(2)}, policy).take, (Indices{0, 1, 2}));
}

TEST(BatchPlan, AfterTheDelayAPreferredSizeMattersNoLonger) {
  const BatchPolicy policy{.max_rows = 16, .max_delay = microseconds(500), .target_rows = 16, .preferred_rows = {4}};
  const auto late = plan({entry(1, 1, microseconds(500)), entry(1), entry(1), entry(1), entry(1)}, policy);
  EXPECT_EQ(late.take.size(), 5u);
  EXPECT_EQ(late.cut, BatchCut::kDelay);
}

TEST(BatchPlan, TheOldestSetsTheDelayWhereverItStands) {
  const BatchPolicy policy{.max_rows = 8, .max_delay = microseconds(500), .target_rows = 8};
  EXPECT_EQ(plan({entry(1, 1, microseconds(0)), entry(1, 1, microseconds(600))}, policy).take, (Indices{0, 1}));
}

TEST(BatchPlan, LeavesTheOtherInstancesTheirShare) {
  const std::vector<QueuedEntry> queue(20, entry(1));
  const BatchPolicy policy{.max_rows = 16, .instances = 4, .worthwhile_rows = 2};
  const auto share = plan(queue, policy, 0, 20);
  EXPECT_EQ(share.take.size(), 5u);
  EXPECT_EQ(share.cut, BatchCut::kShare);
  EXPECT_EQ(plan(queue, policy, 0, 21).take.size(), 6u) << "a share is rounded up";
  EXPECT_EQ(plan(queue, policy, 0, 4).take.size(), 2u) << "no less than is worthwhile";
  const BatchPolicy alone{.max_rows = 16, .instances = 4};
  EXPECT_EQ(plan({entry(1)}, alone, 0, 1).cut, BatchCut::kInstanceFree) << "nothing was left to anybody";
  const auto full = plan(queue, policy, 0, 1000);
  EXPECT_EQ(full.take.size(), 16u);
  EXPECT_EQ(full.cut, BatchCut::kFull);
}

TEST(BatchPlan, SharesNothingWhereSizeWasAskedFor) {
  const std::vector<QueuedEntry> queue(20, entry(1));
  EXPECT_EQ(plan(queue, {.max_rows = 16, .instances = 1}, 0, 20).take.size(), 16u);
  EXPECT_EQ(plan(queue, {.max_rows = 16, .instances = 4, .max_delay = microseconds(1)}, 0, 20).take.size(), 16u);
  EXPECT_EQ(plan(queue, {.max_rows = 16, .instances = 4, .preferred_rows = {12}}, 0, 20).take.size(), 12u);
}

TEST(Crowd, IsTheMostOfLate) {
  Crowd crowd;
  crowd.see(64);
  crowd.see(3);
  EXPECT_EQ(crowd.rows(), 63);
  for (int i = 0; i < 1000; ++i) crowd.see(3);
  EXPECT_EQ(crowd.rows(), 3);
  crowd.see(200);
  EXPECT_EQ(crowd.rows(), 200);
}

TEST(BatchPlan, WaitsNoLongerThanADeadlineLeavesTimeToRun) {
  const BatchPolicy policy{
      .max_rows = 16, .max_delay = microseconds(500), .run_time = microseconds(800), .target_rows = 16};
  auto urgent = entry(1);
  urgent.deadline = kStart + microseconds(1200);
  EXPECT_EQ(plan({urgent}, policy).cut, BatchCut::kDeadline);
  urgent.deadline = kStart + microseconds(1400);
  EXPECT_TRUE(plan({urgent}, policy).take.empty());
}

TEST(BatchPlan, SaysWhyABatchWasCut) {
  EXPECT_EQ(plan({entry(4), entry(5)}, {.max_rows = 8}).cut, BatchCut::kFull);
  EXPECT_EQ(plan({entry(4), entry(4)}, {.max_rows = 8}).cut, BatchCut::kFull);
  EXPECT_EQ(plan({entry(1)}, {.max_rows = 8}).cut, BatchCut::kInstanceFree);
  EXPECT_EQ(plan({entry(1, 1), entry(1, 2)}, {.max_rows = 8}).cut, BatchCut::kShape);
  const BatchPolicy patient{.max_rows = 8, .max_delay = microseconds(500), .target_rows = 4};
  EXPECT_EQ(plan({entry(1, 1, microseconds(500))}, patient).cut, BatchCut::kDelay);
  EXPECT_EQ(plan({entry(4)}, patient).cut, BatchCut::kPreferred);
  auto urgent = entry(1);
  urgent.deadline = kStart + microseconds(200);
  EXPECT_EQ(plan({urgent}, patient).cut, BatchCut::kDeadline);
}

TEST(BatchPlan, NamesEveryCutOnce) {
  std::set<std::string_view> names;
  for (size_t i = 0; i < kBatchCuts; ++i) names.insert(batch_cut_name(static_cast<BatchCut>(i)));
  EXPECT_EQ(names.size(), kBatchCuts);
}

// Whatever the queue: live entries only, the oldest live first, one shape, within the cap unless alone, each row once.
TEST(BatchPlan, HoldsItsPromisesOnRandomQueues) {
  uint64_t state = 42;
  const auto random = [&state](uint64_t below) {
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    return (state >> 33) % below;
  };
  for (int round = 0; round < 5000; ++round) {
    std::vector<QueuedEntry> queue;
    for (uint64_t i = random(20); i > 0; --i) {
      auto one = entry(static_cast<int64_t>(1 + random(6)), random(3), microseconds(random(1000)));
      one.cancelled = random(5) == 0;
      if (random(5) == 0) one.deadline = kStart - microseconds(500) + microseconds(random(1000));
      queue.push_back(one);
    }
    BatchPolicy policy{.max_rows = static_cast<int64_t>(1 + random(10)),
                       .max_delay = microseconds(random(2) * 300),
                       .target_rows = static_cast<int64_t>(random(8)),
                       .worthwhile_rows = static_cast<int64_t>(random(8)),
                       .patience = microseconds(random(600)),
                       .scan_limit = random(10)};
    for (int64_t size = 1; size < 10; ++size) {
      if (random(6) == 0) policy.preferred_rows.push_back(size);
    }
    const auto result = plan(queue, policy, static_cast<int>(random(3)));
    const auto dead = [&](const QueuedEntry& e) { return e.cancelled || e.deadline <= kStart; };
    for (uint32_t i : result.drop) EXPECT_TRUE(dead(queue[i]));
    int64_t rows = 0;
    for (uint32_t i : result.take) {
      EXPECT_FALSE(dead(queue[i]));
      EXPECT_EQ(queue[i].shape_key, queue[result.take[0]].shape_key);
      rows += queue[i].rows;
    }
    EXPECT_TRUE(std::is_sorted(result.take.begin(), result.take.end()));
    if (result.take.size() > 1) {
      EXPECT_LE(rows, policy.max_rows);
    }
    if (!result.take.empty() && result.cut == BatchCut::kPreferred && rows < policy.target_rows) {
      EXPECT_TRUE(std::ranges::binary_search(policy.preferred_rows, rows));
    }
    const auto head = std::find_if_not(queue.begin(), queue.end(), dead);
    if (!result.take.empty()) {
      EXPECT_EQ(result.take[0], head - queue.begin());
    }
    if (head != queue.end() && result.take.empty()) {
      EXPECT_GT(result.wake, kStart);
      EXPECT_LT(result.wake, TimePoint::max());
    }
  }
}

}  // namespace
}  // namespace ortserve
