// SPDX-License-Identifier: Apache-2.0
#include "core/request_queue.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace ortserve {
namespace {

using std::chrono::milliseconds;

constexpr TimePoint kStart{std::chrono::seconds(100)};

// Requests are told apart by their sequence number.
std::unique_ptr<Request> request(uint64_t number, uint64_t priority = 0, int64_t rows = 1) {
  auto made = std::make_unique<Request>();
  made->sequence = number;
  made->priority = priority;
  made->rows = rows;
  made->input_bytes = 8 * static_cast<uint64_t>(rows);
  made->timings.queued = kStart;
  return made;
}

std::vector<uint64_t> order_at(RequestQueue& queue, TimePoint now) {
  std::vector<QueuedEntry> view;
  queue.list(1000, now, view);
  std::vector<uint64_t> numbers;
  for (size_t i = 0; i < view.size(); ++i) numbers.push_back(queue.at(i).sequence);
  return numbers;
}

using Numbers = std::vector<uint64_t>;

TEST(RequestQueue, RefusesRowsBeyondALevelsBoundWithoutClosingTheOthers) {
  RequestQueue queue({.max_rows = 2, .priority_levels = 2, .default_priority = 2});
  for (uint64_t i = 0; i < 2; ++i) queue.push(request(i));
  const Status full = queue.room_for(*request(2), "m");
  EXPECT_EQ(full.code(), Code::kQueueFull);
  EXPECT_NE(full.message().find("2 rows"), std::string::npos);
  EXPECT_NE(full.message().find("'m'"), std::string::npos);
  EXPECT_TRUE(queue.room_for(*request(2, 1), "m").ok());
}

TEST(RequestQueue, RefusesBytesBeyondTheBoundOfAllLevels) {
  RequestQueue queue({.max_bytes = 20});
  queue.push(request(0, 0, 2));
  EXPECT_EQ(queue.room_for(*request(1), "m").code(), Code::kQueueFull);
}

TEST(RequestQueue, AnEmptyQueueTakesAnyRequest) {
  const RequestQueue queue({.max_rows = 1, .max_bytes = 1});
  EXPECT_TRUE(queue.room_for(*request(0, 0, 100), "m").ok());
}

TEST(RequestQueue, APriorityThatDoesNotExistIsTheDefault) {
  RequestQueue queue({.priority_levels = 3, .default_priority = 2});
  queue.push(request(0, 3));
  queue.push(request(1, 99));
  queue.push(request(2, 0));
  queue.push(request(3, 2));
  queue.push(request(4, 1));
  EXPECT_EQ(order_at(queue, kStart), (Numbers{4, 1, 2, 3, 0}));
}

TEST(RequestQueue, IgnoresPrioritiesWhenThereIsOneLevel) {
  RequestQueue queue({});
  for (uint64_t i = 0; i < 3; ++i) queue.push(request(i, 3 - i));
  EXPECT_EQ(order_at(queue, kStart), (Numbers{0, 1, 2}));
}

TEST(RequestQueue, CountsTheRowsAheadOfALevel) {
  RequestQueue queue({.priority_levels = 2, .default_priority = 2});
  queue.push(request(0, 2, 5));
  queue.push(request(1, 1, 3));
  EXPECT_EQ(queue.rows_ahead_of(*request(2, 1)), 3);
  EXPECT_EQ(queue.rows_ahead_of(*request(2, 2)), 8);
}

TEST(RequestQueue, ARequestMayLowerItsTimeoutAndNotRaiseIt) {
  const RequestQueue queue({.timeout = milliseconds(10)});
  auto one = request(0);
  EXPECT_EQ(queue.timeout_of(*one), milliseconds(10));
  one->queue_timeout = milliseconds(3);
  EXPECT_EQ(queue.timeout_of(*one), milliseconds(3));
  one->queue_timeout = milliseconds(30);
  EXPECT_EQ(queue.timeout_of(*one), milliseconds(10));
  EXPECT_EQ(RequestQueue({}).timeout_of(*one), milliseconds(30));
}

TEST(RequestQueue, ATimeoutThatRejectsEndsTheRequest) {
  RequestQueue queue({.timeout = milliseconds(10)});
  queue.push(request(0));
  std::vector<QueuedEntry> view;
  EXPECT_EQ(queue.list(10, kStart + milliseconds(10), view), 0u);
  ASSERT_EQ(view.size(), 1u);
  EXPECT_EQ(view[0].deadline, kStart + milliseconds(10));
  const auto dead = queue.take_dead(0, kStart + milliseconds(10));
  EXPECT_EQ(dead->status.code(), Code::kQueueTimeout);
  EXPECT_NE(dead->status.message().find("10 ms"), std::string::npos) << dead->status.message();
  queue.close_gaps();
  EXPECT_TRUE(queue.empty());
}

TEST(RequestQueue, ATimeoutThatDelaysMovesBehindTheOthersOfItsLevel) {
  RequestQueue queue(
      {.timeout = milliseconds(10), .on_timeout = OnQueueTimeout::kDelay, .priority_levels = 2, .default_priority = 1});
  queue.push(request(0));
  queue.push(request(1));
  auto young = request(2);
  young->timings.queued = kStart + milliseconds(5);
  queue.push(std::move(young));
  queue.push(request(3, 2));
  EXPECT_EQ(order_at(queue, kStart + milliseconds(9)), (Numbers{0, 1, 2, 3}));
  EXPECT_EQ(order_at(queue, kStart + milliseconds(10)), (Numbers{2, 0, 1, 3}));
  // Whoever comes later to the level still goes first.
  auto fresh = request(4);
  fresh->timings.queued = kStart + milliseconds(12);
  queue.push(std::move(fresh));
  EXPECT_EQ(order_at(queue, kStart + milliseconds(12)), (Numbers{2, 4, 0, 1, 3}));
}

TEST(RequestQueue, MovesEachLateRequestOnceHoweverFewAreListed) {
  RequestQueue queue({.timeout = milliseconds(1), .on_timeout = OnQueueTimeout::kDelay});
  for (uint64_t i = 0; i < 100; ++i) queue.push(request(i));
  std::vector<QueuedEntry> view;
  EXPECT_EQ(queue.list(2, kStart + milliseconds(1), view), 100u);
  EXPECT_EQ(queue.list(2, kStart + milliseconds(2), view), 0u);
  EXPECT_EQ(queue.at(0).sequence, 0u);
}

TEST(RequestQueue, SaysWhyARequestDied) {
  RequestQueue queue({});
  std::atomic<bool> gone{true};
  auto cancelled = request(0);
  cancelled->cancelled = &gone;
  queue.push(std::move(cancelled));
  auto expired = request(1);
  expired->deadline = kStart;
  queue.push(std::move(expired));
  std::vector<QueuedEntry> view;
  queue.list(10, kStart, view);
  EXPECT_EQ(queue.take_dead(0, kStart)->status.code(), Code::kCancelled);
  EXPECT_EQ(queue.take_dead(1, kStart)->status.code(), Code::kDeadlineExceeded);
}

// Random arrivals, priorities and takings: levels in order, first in first out in each, rows never miscounted.
TEST(RequestQueue, ServesLevelsInOrderAndEachInTurn) {
  uint64_t state = 7;
  const auto random = [&state](uint64_t below) {
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    return (state >> 33) % below;
  };
  RequestQueue queue({.max_rows = 1 << 20, .priority_levels = 4, .default_priority = 3});
  std::vector<std::unique_ptr<Request>> model;  // what the queue should hold, in any order
  const auto level = [](const Request& r) { return r.priority == 0 || r.priority > 4 ? 3 : r.priority; };
  uint64_t number = 0;
  for (int round = 0; round < 3000; ++round) {
    for (uint64_t i = random(4); i > 0; --i) {
      const uint64_t priority = random(6);
      const auto rows = static_cast<int64_t>(1 + random(3));
      queue.push(request(number, priority, rows));
      model.push_back(request(number++, priority, rows));
    }
    std::ranges::sort(model, [&](const auto& a, const auto& b) {
      return std::pair(level(*a), a->sequence) < std::pair(level(*b), b->sequence);
    });
    std::vector<QueuedEntry> view;
    queue.list(5, kStart, view);
    ASSERT_EQ(view.size(), std::min<size_t>(5, model.size()));
    for (size_t i = 0; i < view.size(); ++i) ASSERT_EQ(queue.at(i).sequence, model[i]->sequence);
    for (size_t i = view.size(); i-- > 0;) {
      if (random(2) == 0) continue;
      EXPECT_EQ(queue.take(i)->sequence, model[i]->sequence);
      model.erase(model.begin() + static_cast<ptrdiff_t>(i));
    }
    queue.close_gaps();
    int64_t rows = 0;
    for (const auto& one : model) rows += one->rows;
    ASSERT_EQ(queue.rows(), rows);
    ASSERT_EQ(queue.rows_ahead_of(*request(0, 4)), rows);
  }
  EXPECT_EQ(queue.clear().size(), model.size());
  EXPECT_EQ(queue.rows(), 0);
}

}  // namespace
}  // namespace ortserve
