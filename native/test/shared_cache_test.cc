// SPDX-License-Identifier: Apache-2.0
// The second level, with a store that answers when the test says so.
#include "core/shared_cache.h"

#include <gtest/gtest.h>

#include <map>

#include "core/cached_batcher.h"
#include "core/result_blob.h"
#include "test/collector.h"
#include "test/fake_runner.h"

namespace ortserve {
namespace {

using Outcome = SharedLookup::Outcome;

/// Keeps what it is asked; with `contents` it answers at once.
class FakeStore final : public SharedCache::Transport {
 public:
  struct Asked {
    uint64_t ticket;
    SharedKey key;
  };
  struct Put {
    uint64_t ticket;
    SharedKey key;
    std::vector<std::byte> value;
    uint64_t generation;
    Nanoseconds ttl;
  };

  void lookup(uint64_t ticket, const SharedKey& key, bool) noexcept override {
    const std::lock_guard lock(mutex_);
    asked_.push_back({ticket, key});
    changed_.notify_all();
  }
  void store(uint64_t ticket, const SharedKey& key, std::vector<std::byte> value, uint64_t generation,
             Nanoseconds ttl) noexcept override {
    const std::lock_guard lock(mutex_);
    put_.push_back({ticket, key, std::move(value), generation, ttl});
    changed_.notify_all();
  }

  void flush(const CacheKey&) noexcept override { ++flushes; }

  std::atomic<int> flushes{0};

  Asked next_asked() { return next(asked_); }
  Put next_put() { return next(put_); }
  bool idle() { return !has_asked() && !has_put(); }
  bool has_asked() { return has(asked_); }
  bool has_put() { return has(put_); }

 private:
  template <typename T>
  bool has(const std::vector<T>& queue) {
    const std::lock_guard lock(mutex_);
    return !queue.empty();
  }
  template <typename T>
  T next(std::vector<T>& queue) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !queue.empty(); });
    T first = std::move(queue.front());
    queue.erase(queue.begin());
    return first;
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Asked> asked_;
  std::vector<Put> put_;
};

constexpr Nanoseconds kForever = std::chrono::hours(1);
constexpr uint64_t kGeneration = 77;
const std::string kSecret = "a secret that servers share";

/// One server: a model behind both levels.
class Server {
 public:
  explicit Server(SharedCache::Options options, CacheOptions cache_options = {.enabled = true, .shared = true})
      : shared(std::make_shared<SharedCache>(std::as_bytes(std::span(kSecret)), options)) {
    shared->start(workers);
    shared->connect(store);
    shared->ready(Nanoseconds{1});
    static std::atomic<uint64_t> loads{0};
    cached = std::make_shared<CachedBatcher>(CachedBatcher::Parts{.batcher = batcher,
                                                                  .workers = *workers,
                                                                  .cache = cache,
                                                                  .keys = keys,
                                                                  .load = {++loads, 0},
                                                                  .shared = shared,
                                                                  .digest = {11, 12}},
                                             cache_options);
  }
  ~Server() {
    shared->connect(nullptr);
    shared->stop();
    close();
    while (!closed) std::this_thread::yield();
    workers->stop();
  }
  void close() {
    if (!std::exchange(closing, true)) cached->close([this] { closed = true; });
  }

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
  std::unique_ptr<Request> answer() { return std::move(sink.wait_for(1)[0]); }
  void answer_lookup(Outcome outcome, std::span<const std::byte> value = {}, Nanoseconds ttl = {}) {
    shared->answer(store->next_asked().ticket,
                   {.outcome = outcome, .value = value, .ttl = ttl, .generation = kGeneration});
  }
  // What this server stores for `value`.
  FakeStore::Put computed(float value) {
    submit(request(value));
    answer_lookup(Outcome::kAbsent);
    EXPECT_EQ(answer()->cache_outcome, CacheOutcome::kMiss);
    FakeStore::Put put = store->next_put();
    shared->stored(put.ticket, true);
    return put;
  }
  void expect_adds_up(uint64_t requests) {
    const auto stats = cached->stats();
    EXPECT_EQ(stats.hits + stats.misses + stats.joins + cached->bypasses(), requests);
  }
  size_t runs() { return runner->rows_seen().size(); }

  BufferPool pool{{}};
  testing::Collector sink;
  std::shared_ptr<WorkerPool> workers = std::make_shared<WorkerPool>(2);
  std::shared_ptr<testing::FakeRunner> runner = std::make_shared<testing::FakeRunner>(pool);
  std::shared_ptr<Batcher> batcher =
      std::make_shared<Batcher>(*workers, pool, runner, testing::sum_spec(), CostCurve({{1, 1000.0}}),
                                BatcherOptions{.max_batch_rows = 1, .inline_ceiling = Nanoseconds(0)});
  ResultCache cache{{.max_bytes = 1 << 20}};
  CacheKeyMaker keys;
  std::shared_ptr<FakeStore> store = std::make_shared<FakeStore>();
  std::shared_ptr<SharedCache> shared;
  std::shared_ptr<CachedBatcher> cached;
  bool closing = false;
  std::atomic<bool> closed{false};
};

TEST(SharedCache, AValueThatCannotBeReadIsRunAgain) {
  Server server({.budget = kForever});
  const auto put = server.computed(5);
  server.cached->flush();
  EXPECT_EQ(server.store->flushes, 1);
  auto broken = put.value;
  broken[3] ^= std::byte{4};
  server.submit(server.request(5));
  server.answer_lookup(Outcome::kFound, broken);
  const auto done = server.answer();
  EXPECT_EQ(done->cache_outcome, CacheOutcome::kMiss);
  EXPECT_EQ(done->outputs[0].tensor.data.as<float>()[0], 6);
  EXPECT_EQ(server.cached->shared_counters().errors, 1u);
  EXPECT_EQ(server.runs(), 2u);
  server.expect_adds_up(2);
}

TEST(SharedCache, AnotherServersResultIsAHit) {
  Server first({.budget = kForever});
  Server second({.budget = kForever});
  const auto put = first.computed(5);
  EXPECT_EQ(put.generation, kGeneration);
  second.submit(second.request(5));
  const auto asked = second.store->next_asked();
  EXPECT_EQ(asked.key.model, put.key.model);
  EXPECT_EQ(asked.key.request, put.key.request) << "servers with one secret have one key";
  second.shared->answer(asked.ticket, {.outcome = Outcome::kFound, .value = put.value, .generation = kGeneration});
  auto hit = second.answer();
  EXPECT_EQ(hit->cache_outcome, CacheOutcome::kHit);
  EXPECT_EQ(hit->outputs[0].tensor.data.as<float>()[0], 6);
  second.submit(second.request(5));
  EXPECT_EQ(second.answer()->cache_outcome, CacheOutcome::kHit) << "now of the first level";
  EXPECT_TRUE(second.store->idle());
  EXPECT_EQ(second.runs(), 0u);
  EXPECT_EQ(second.cached->shared_counters().hits, 1u);
  EXPECT_EQ(second.cached->stats().hits, 2u);
  EXPECT_EQ(first.cached->shared_counters().stored, 1u);
  second.expect_adds_up(2);
}

TEST(SharedCache, ASharedResultLivesNoLongerThanItsRest) {
  Server server({.budget = kForever}, {.enabled = true, .ttl = std::chrono::hours(1), .shared = true});
  const auto put = server.computed(5);
  EXPECT_EQ(put.ttl, std::chrono::hours(1));
  server.cached->forget();
  EXPECT_EQ(server.store->flushes, 0);
  server.submit(server.request(5));
  server.answer_lookup(Outcome::kFound, put.value, Nanoseconds{1});
  EXPECT_EQ(server.answer()->cache_outcome, CacheOutcome::kHit);
  server.submit(server.request(5));
  server.answer_lookup(Outcome::kAbsent);
  EXPECT_EQ(server.answer()->cache_outcome, CacheOutcome::kMiss) << "its nanosecond is over";
}

TEST(SharedCache, IdenticalRequestsWaitForOneLookup) {
  Server server({.budget = kForever});
  for (int i = 0; i < 10; ++i) server.submit(server.request(5));
  server.answer_lookup(Outcome::kAbsent);
  std::map<CacheOutcome, int> outcomes;
  for (const auto& done : server.sink.wait_for(10)) ++outcomes[done->cache_outcome];
  EXPECT_EQ(outcomes, (std::map<CacheOutcome, int>{{CacheOutcome::kMiss, 1}, {CacheOutcome::kJoin, 9}}));
  EXPECT_EQ(server.runs(), 1u);
  server.store->next_put();
  EXPECT_TRUE(server.store->idle());
  server.expect_adds_up(10);
}

TEST(SharedCache, ASilentStoreIsWaitedForNoLongerThanTheBudgetAndThenLeftAlone) {
  Server server({.budget = std::chrono::milliseconds(1), .max_failures = 3});
  for (int i = 0; i < 20; ++i) {
    server.submit(server.request(static_cast<float>(i)));
    EXPECT_EQ(server.answer()->outputs[0].tensor.data.as<float>()[0], static_cast<float>(i + 1));
  }
  const SharedCounters& counters = server.cached->shared_counters();
  EXPECT_FALSE(server.shared->is_up());
  EXPECT_GE(counters.timeouts, 3u);
  EXPECT_EQ(counters.timeouts + counters.skipped, 20u);
  EXPECT_GE(counters.skipped, 16u) << "at most one more was on its way when the third was late";
  EXPECT_EQ(counters.stored + counters.dropped, 0u);
  server.shared->ready(Nanoseconds{1});
  EXPECT_TRUE(server.shared->is_up());
}

TEST(SharedCache, FailuresInARowOpenTheBreakerAndGiveUpOthers) {
  Server server({.budget = kForever, .max_failures = 2});
  for (int i = 0; i < 5; ++i) server.submit(server.request(static_cast<float>(i)));
  server.answer_lookup(Outcome::kFailed);
  server.answer_lookup(Outcome::kAbsent);  // not in a row
  server.answer_lookup(Outcome::kFailed);
  EXPECT_TRUE(server.shared->is_up());
  server.answer_lookup(Outcome::kFailed);
  EXPECT_FALSE(server.shared->is_up());
  for (const auto& done : server.sink.wait_for(5)) EXPECT_TRUE(done->status.ok());
  EXPECT_EQ(server.cached->shared_counters().errors, 3u);
  EXPECT_EQ(server.cached->shared_counters().skipped, 1u);
  server.expect_adds_up(5);
}

TEST(SharedCache, ALateAnswerIsIgnored) {
  Server server({.budget = std::chrono::milliseconds(1)});
  server.submit(server.request(5));
  const auto asked = server.store->next_asked();
  EXPECT_EQ(server.answer()->cache_outcome, CacheOutcome::kMiss);
  server.shared->answer(asked.ticket, {.outcome = Outcome::kAbsent, .generation = kGeneration});
  EXPECT_EQ(server.sink.count(), 0u);
  EXPECT_TRUE(server.store->idle()) << "what was not looked up is not stored";
}

TEST(SharedCache, DoesNotAskWhereARunIsCheaperOrTheDeadlineNear) {
  Server server({.budget = std::chrono::milliseconds(5)});
  server.shared->ready(std::chrono::microseconds(2));  // a run costs 1
  server.submit(server.request(1));
  EXPECT_TRUE(server.answer()->status.ok());
  server.shared->ready(Nanoseconds{1});
  auto urgent = server.request(2);
  urgent->deadline = Clock::now() + std::chrono::milliseconds(4);
  server.submit(std::move(urgent));
  server.answer();
  EXPECT_EQ(server.cached->shared_counters().skipped, 2u);
  EXPECT_TRUE(server.store->idle());
}

TEST(SharedCache, ARefreshIsRunAndStored) {
  Server server({.budget = kForever});
  const auto put = server.computed(5);
  auto refresh = server.request(5);
  refresh->cache_use = CacheUse::kRefresh;
  server.submit(std::move(refresh));
  server.answer_lookup(Outcome::kFound, put.value);
  EXPECT_EQ(server.answer()->cache_outcome, CacheOutcome::kMiss);
  EXPECT_EQ(server.store->next_put().value, put.value);
  auto bypass = server.request(5);
  bypass->cache_use = CacheUse::kBypass;
  server.submit(std::move(bypass));
  EXPECT_EQ(server.answer()->cache_outcome, CacheOutcome::kBypass);
  EXPECT_TRUE(server.store->idle());
  EXPECT_EQ(server.runs(), 3u);
}

TEST(SharedCache, StoresNoMoreThanIsAcknowledged) {
  Server server({.budget = kForever, .max_storing_bytes = 200});
  int stored = 0;
  for (int i = 0; i < 10; ++i) {
    server.submit(server.request(static_cast<float>(i)));
    server.answer_lookup(Outcome::kAbsent);
    server.answer();
  }
  const SharedCounters& counters = server.cached->shared_counters();
  while (!server.store->idle()) {
    const auto put = server.store->next_put();
    ++stored;
    server.shared->stored(put.ticket, stored % 2 == 0);
    server.shared->stored(put.ticket, true);  // acknowledged once
  }
  EXPECT_GT(stored, 0);
  EXPECT_GT(counters.dropped, 0u);
  EXPECT_EQ(counters.stored + counters.errors, static_cast<uint64_t>(stored));
  server.computed(99);
}

TEST(SharedCache, AResultThatIsTooLargeIsDropped) {
  Server server({.budget = kForever, .max_value_bytes = 20});
  server.submit(server.request(5));
  server.answer_lookup(Outcome::kAbsent);
  server.answer();
  while (server.cached->shared_counters().dropped == 0) std::this_thread::yield();
  EXPECT_TRUE(server.store->idle());
}

TEST(SharedCache, AModelClosesAfterItsLookups) {
  Server server({.budget = kForever});
  server.submit(server.request(5));
  server.close();
  EXPECT_FALSE(server.closed);
  auto refused = server.request(6);
  EXPECT_EQ(server.cached->submit(refused).code(), Code::kModelClosed);
  server.answer_lookup(Outcome::kAbsent);
  EXPECT_TRUE(server.answer()->status.ok()) << "accepted before the close";
  while (!server.closed) std::this_thread::yield();
}

TEST(SharedCache, AStoreThatGoesLeavesNobodyWaiting) {
  Server server({.budget = kForever});
  server.submit(server.request(5));
  server.shared->connect(nullptr);
  EXPECT_TRUE(server.answer()->status.ok());
  EXPECT_FALSE(server.shared->is_up());
  server.submit(server.request(6));
  EXPECT_TRUE(server.answer()->status.ok());
}

TEST(SharedCache, ManyThreadsWithAStoreThatComesAndGoes) {
  Server server({.budget = std::chrono::milliseconds(1), .max_failures = 2});
  constexpr int kThreads = 3;
  constexpr int kEach = 400;
  std::atomic<int> asking{kThreads};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        auto made = server.request(static_cast<float>((t + i) % 50));
        made->cache_use = i % 3 == 0 ? CacheUse::kRefresh : CacheUse::kUse;
        while (!server.cached->submit(made).ok()) std::this_thread::yield();
      }
      --asking;
    });
  }
  for (int i = 0; asking > 0; ++i) {
    if (server.store->has_asked()) {
      if (i % 5 == 0) server.shared->down();
      server.shared->answer(server.store->next_asked().ticket, {.generation = kGeneration});
    }
    if (server.store->has_put()) server.shared->stored(server.store->next_put().ticket, i % 2 == 0);
    server.shared->ready(Nanoseconds{1});
  }
  for (auto& thread : threads) thread.join();
  size_t answered = 0;
  while (answered < kThreads * kEach) {
    for (const auto& done : server.sink.wait_for(1)) {
      EXPECT_TRUE(done->status.ok()) << done->status.message();
      ++answered;
    }
  }
  server.expect_adds_up(kThreads * kEach);
}

}  // namespace
}  // namespace ortserve
