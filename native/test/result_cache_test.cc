// SPDX-License-Identifier: Apache-2.0
#include "core/result_cache.h"

#include <gtest/gtest.h>

#include <atomic>
#include <list>
#include <thread>

#include "core/cache_key.h"

namespace ortserve {
namespace {

constexpr ResultCache::Owner kOwner = 7;
constexpr TimePoint kNow{std::chrono::seconds(100)};

class ResultCacheTest : public ::testing::Test {
 protected:
  std::unique_ptr<Request> request(uint64_t key) {
    auto made = std::make_unique<Request>();
    made->cache_key = {key * 0x9e3779b97f4a7c15ull, key};
    return made;
  }
  CacheOutcome enter(ResultCache& cache, uint64_t key, ResultCache::Owner owner = kOwner, TimePoint now = kNow) {
    auto made = request(key);
    return cache.enter(owner, made, false, now);
  }
  // A miss that ends with `elements` floats of value `key`.
  void store(ResultCache& cache, uint64_t key, int64_t elements = 4, ResultCache::Owner owner = kOwner,
             uint64_t owner_bytes = 0, TimePoint expires = TimePoint::max()) {
    auto made = request(key);
    ASSERT_EQ(cache.enter(owner, made, false, kNow), CacheOutcome::kMiss);
    Value value;
    value.tensor = allocate_tensor(pool, DType::kFp32, Shape{elements}).value();
    for (int64_t i = 0; i < elements; ++i) value.tensor.data.as<float>()[i] = static_cast<float>(key);
    made->outputs.push_back(std::move(value));
    EXPECT_TRUE(cache.leave(owner, *made, owner_bytes, expires).empty());
  }

  BufferPool pool{{}};
};

TEST_F(ResultCacheTest, AnswersWhatItHasSeen) {
  ResultCache cache({.max_bytes = 1 << 20});
  store(cache, 1);
  auto again = request(1);
  ASSERT_EQ(cache.enter(kOwner, again, false, kNow), CacheOutcome::kHit);
  EXPECT_EQ(again->outputs[0].tensor.shape, (Shape{4}));
  EXPECT_EQ(again->outputs[0].tensor.data.as<float>()[3], 1);
  EXPECT_EQ(enter(cache, 2), CacheOutcome::kMiss);
  EXPECT_EQ(pool.stats().live_bytes, 0u) << "the cache keeps its own copy";
}

TEST_F(ResultCacheTest, StaysWithinItsBytesAndDropsTheOldest) {
  ResultCache cache({.max_bytes = 8192, .shards = 1});
  for (uint64_t key = 1; key <= 40; ++key) {
    if (key > 2) {
      EXPECT_EQ(enter(cache, 1), CacheOutcome::kHit);  // used: stays
    }
    store(cache, key, 64);
    EXPECT_LE(cache.stats().bytes, 8192u);
  }
  EXPECT_GT(cache.stats().evicted, 0u);
  EXPECT_EQ(enter(cache, 1), CacheOutcome::kHit);
  EXPECT_EQ(enter(cache, 40), CacheOutcome::kHit);
  EXPECT_EQ(enter(cache, 2), CacheOutcome::kMiss);
}

TEST_F(ResultCacheTest, BoundsEachOwner) {
  ResultCache cache({.max_bytes = 1 << 20, .shards = 1});
  store(cache, 1000, 64, 1);
  for (uint64_t key = 1; key <= 40; ++key) store(cache, key, 64, kOwner, 4096);
  EXPECT_LE(cache.stats(kOwner).bytes, 4096u);
  EXPECT_EQ(enter(cache, 1000, 1), CacheOutcome::kHit);
}

TEST_F(ResultCacheTest, DoesNotKeepWhatIsTooLarge) {
  ResultCache cache({.max_bytes = 4096, .shards = 1});
  store(cache, 1, 4096);
  EXPECT_EQ(cache.stats().too_large, 1u);
  EXPECT_EQ(cache.stats().entries, 0u);
}

TEST_F(ResultCacheTest, ForgetsWhatIsTooOld) {
  ResultCache cache({.max_bytes = 1 << 20});
  store(cache, 1, 4, kOwner, 0, kNow + std::chrono::seconds(1));
  EXPECT_EQ(enter(cache, 1), CacheOutcome::kHit);
  EXPECT_EQ(enter(cache, 1, kOwner, kNow + std::chrono::seconds(1)), CacheOutcome::kMiss);
  EXPECT_EQ(cache.stats().expired, 1u);
}

TEST_F(ResultCacheTest, ErasesOneOwner) {
  ResultCache cache({.max_bytes = 1 << 20});
  for (uint64_t key = 1; key <= 30; ++key) store(cache, key, 4, key % 2);
  cache.erase(1);
  for (uint64_t key = 1; key <= 30; ++key) {
    EXPECT_EQ(enter(cache, key, key % 2), key % 2 ? CacheOutcome::kMiss : CacheOutcome::kHit);
  }
  EXPECT_EQ(cache.stats(1).bytes, 0u);
  cache.clear();
  EXPECT_EQ(cache.stats().entries, 0u);
  EXPECT_EQ(cache.stats().bytes, 0u);
}

TEST_F(ResultCacheTest, IdenticalRequestsJoinTheOneThatRuns) {
  ResultCache cache({.max_bytes = 1 << 20});
  auto leader = request(1);
  ASSERT_EQ(cache.enter(kOwner, leader, false, kNow), CacheOutcome::kMiss);
  auto joiner = request(1);
  ASSERT_EQ(cache.enter(kOwner, joiner, false, kNow), CacheOutcome::kJoin);
  EXPECT_EQ(joiner, nullptr);
  leader->status = Status(Code::kRunFailed, "no");
  EXPECT_EQ(cache.leave(kOwner, *leader, 0, TimePoint::max()).size(), 1u);
  EXPECT_EQ(cache.stats().entries, 0u);
  EXPECT_EQ(enter(cache, 1), CacheOutcome::kMiss);
}

TEST_F(ResultCacheTest, ARefreshIsNeverAHit) {
  ResultCache cache({.max_bytes = 1 << 20});
  store(cache, 1);
  auto refresh = request(1);
  EXPECT_EQ(cache.enter(kOwner, refresh, true, kNow), CacheOutcome::kMiss);
}

TEST_F(ResultCacheTest, CountsEveryRequestOnceFromManyThreads) {
  ResultCache cache({.max_bytes = 64 << 10});
  constexpr int kPerThread = 3000;
  std::atomic<uint64_t> joined{0};
  std::vector<std::thread> threads;
  for (uint64_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      uint64_t state = t + 1;
      for (int i = 0; i < kPerThread; ++i) {
        state = state * 6364136223846793005ull + 1442695040888963407ull;
        auto made = request((state >> 33) % 200);
        const auto outcome = cache.enter(kOwner, made, false, kNow);
        if (outcome != CacheOutcome::kMiss) continue;
        made->outputs.resize(1);
        joined += cache.leave(kOwner, *made, 0, TimePoint::max()).size();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  const auto stats = cache.stats();
  EXPECT_EQ(stats.hits + stats.misses + stats.joins, 4u * kPerThread);
  EXPECT_EQ(stats.joins, joined);
}

// Against the plainest LRU there is.
TEST_F(ResultCacheTest, EvictsInTheOrderOfAReferenceModel) {
  constexpr size_t kEntries = 8;
  ResultCache probe({.max_bytes = 1 << 20, .shards = 1});
  store(probe, 1, 16);
  const uint64_t entry_bytes = probe.stats().bytes;
  ResultCache cache({.max_bytes = entry_bytes * kEntries, .shards = 1});
  std::list<uint64_t> reference;
  uint64_t state = 3;
  for (int i = 0; i < 5000; ++i) {
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    const uint64_t key = 1 + (state >> 33) % 14;
    const auto known = std::find(reference.begin(), reference.end(), key);
    if (known != reference.end()) {
      ASSERT_EQ(enter(cache, key), CacheOutcome::kHit);
      reference.erase(known);
    } else {
      store(cache, key, 16);
      if (reference.size() == kEntries) reference.pop_back();
    }
    reference.push_front(key);
  }
}

TEST(CacheKeyMaker, TellsRequestsApartAndSpellingsAlike) {
  BufferPool pool({});
  const CacheKeyMaker keys;
  const auto request = [&](const Shape& shape, DType dtype, float first, std::vector<uint16_t> wanted = {}) {
    Request made;
    made.present = {true};
    made.inputs.push_back(allocate_tensor(pool, dtype, shape).value());
    std::fill_n(made.inputs[0].data.as<float>(), 4, first);
    made.wanted = std::move(wanted);
    return made;
  };
  const CacheKey model{1, 2};
  const CacheKey base = keys.key_of(model, request({4}, DType::kFp32, 1));
  EXPECT_EQ(keys.key_of(model, request({4}, DType::kFp32, 1)), base);
  EXPECT_NE(keys.key_of(model, request({4}, DType::kFp32, 2)), base);
  EXPECT_NE(keys.key_of(model, request({2, 2}, DType::kFp32, 1)), base);
  EXPECT_NE(keys.key_of(model, request({4}, DType::kInt32, 1)), base);
  EXPECT_NE(keys.key_of(model, request({4}, DType::kFp32, 1, {0})), base);
  EXPECT_NE(keys.key_of({1, 3}, request({4}, DType::kFp32, 1)), base);
  EXPECT_NE(CacheKeyMaker().key_of(model, request({4}, DType::kFp32, 1)), base) << "each process has its secret";
}

TEST(CacheKeyMaker, ServersWithOnePassphraseAgree) {
  const std::string words = "correct horse battery staple";
  const auto bytes = std::as_bytes(std::span(words));
  const Request request;
  EXPECT_EQ(CacheKeyMaker(bytes).key_of({}, request), CacheKeyMaker(bytes).key_of({}, request));
  EXPECT_NE(CacheKeyMaker(bytes.first(5)).key_of({}, request), CacheKeyMaker(bytes).key_of({}, request));
}

}  // namespace
}  // namespace ortserve
