// SPDX-License-Identifier: Apache-2.0
#include "core/result_cache.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstring>
#include <list>
#include <thread>

#include "core/cache_key.h"

namespace ortserve {
namespace {

constexpr TimePoint kNow{std::chrono::seconds(100)};

class ResultCacheTest : public ::testing::Test {
 protected:
  std::unique_ptr<Request> request(uint64_t key) {
    auto made = std::make_unique<Request>();
    made->cache_key = {key * 0x9e3779b97f4a7c15ull, key};
    return made;
  }
  // As a request that is answered at once: a miss ends without a result.
  CacheOutcome enter(ResultCache& cache, ResultCache::Owner& owner, uint64_t key, TimePoint now = kNow) {
    auto made = request(key);
    const CacheOutcome outcome = cache.enter(owner, made, false, now);
    if (outcome == CacheOutcome::kMiss) {
      made->status = Status(Code::kRunFailed, "no");
      cache.leave(owner, *made, {.now = now});
    }
    return outcome;
  }
  void fill(Request& made, uint64_t key, int64_t elements) {
    Value value;
    value.tensor = allocate_tensor(pool, DType::kFp32, Shape{elements}).value();
    for (int64_t i = 0; i < elements; ++i) value.tensor.data.as<float>()[i] = static_cast<float>(key);
    made.outputs.push_back(std::move(value));
  }
  // A miss that ends with `elements` floats of value `key`.
  void store(ResultCache& cache, ResultCache::Owner& owner, uint64_t key, int64_t elements = 4,
             ResultCache::Ending ending = {.now = kNow}) {
    auto made = request(key);
    ASSERT_EQ(cache.enter(owner, made, false, ending.now), CacheOutcome::kMiss);
    fill(*made, key, elements);
    EXPECT_TRUE(cache.leave(owner, *made, ending).empty());
  }

  BufferPool pool{{}};
};

TEST_F(ResultCacheTest, AnswersWhatItHasSeen) {
  ResultCache cache({.max_bytes = 1 << 20});
  const auto owner = cache.open(0);
  store(cache, *owner, 1);
  auto again = request(1);
  ASSERT_EQ(cache.enter(*owner, again, false, kNow), CacheOutcome::kHit);
  EXPECT_EQ(again->outputs[0].tensor.shape, (Shape{4}));
  EXPECT_EQ(again->outputs[0].tensor.data.as<float>()[3], 1);
  EXPECT_EQ(enter(cache, *owner, 2), CacheOutcome::kMiss);
  EXPECT_EQ(pool.stats().live_bytes, 0u) << "the cache keeps its own copy";
}

TEST_F(ResultCacheTest, StaysWithinItsBytesAndDropsTheOldest) {
  ResultCache cache({.max_bytes = 8192});
  const auto owner = cache.open(0);
  for (uint64_t key = 1; key <= 40; ++key) {
    const TimePoint now = kNow + std::chrono::seconds(key);
    if (key > 2) {
      EXPECT_EQ(enter(cache, *owner, 1, now), CacheOutcome::kHit);  // used: stays
    }
    store(cache, *owner, key, 64, {.now = now});
    EXPECT_LE(cache.bytes(), 8192u);
    EXPECT_EQ(cache.bytes(), cache.stats(*owner).bytes);
  }
  EXPECT_GT(cache.stats(*owner).evicted, 0u);
  EXPECT_EQ(enter(cache, *owner, 1), CacheOutcome::kHit);
  EXPECT_EQ(enter(cache, *owner, 40), CacheOutcome::kHit);
  EXPECT_EQ(enter(cache, *owner, 2), CacheOutcome::kMiss);
}

TEST_F(ResultCacheTest, BoundsEachOwner) {
  ResultCache cache({.max_bytes = 1 << 20});
  const auto small = cache.open(4096);
  const auto other = cache.open(0);
  store(cache, *other, 1000, 64);
  for (uint64_t key = 1; key <= 40; ++key) store(cache, *small, key, 64);
  EXPECT_LE(cache.stats(*small).bytes, 4096u);
  EXPECT_GE(cache.stats(*small).entries, 3u);
  EXPECT_EQ(enter(cache, *other, 1000), CacheOutcome::kHit);
}

TEST_F(ResultCacheTest, OneResultMayTakeNearlyAllOfABound) {
  ResultCache cache({.max_bytes = 1 << 20});
  const auto owner = cache.open(100'000);
  for (uint64_t key = 1; key <= 20; ++key) store(cache, *owner, key);
  store(cache, *owner, 99, 24'000);
  EXPECT_EQ(enter(cache, *owner, 99), CacheOutcome::kHit);
  store(cache, *owner, 100, 26'000);
  EXPECT_EQ(cache.stats(*owner).too_large, 1u);
  EXPECT_EQ(enter(cache, *owner, 100), CacheOutcome::kMiss);
  EXPECT_EQ(enter(cache, *owner, 99), CacheOutcome::kHit) << "what cannot be kept drops nothing";
}

TEST_F(ResultCacheTest, ACacheWithoutBytesStillJoins) {
  ResultCache cache({.max_bytes = 0});
  const auto owner = cache.open(0);
  store(cache, *owner, 1);
  EXPECT_EQ(enter(cache, *owner, 1), CacheOutcome::kMiss);
  EXPECT_EQ(cache.bytes(), 0u);
}

TEST_F(ResultCacheTest, ForgetsWhatIsTooOld) {
  ResultCache cache({.max_bytes = 1 << 20});
  const auto owner = cache.open(0);
  store(cache, *owner, 1, 4, {.now = kNow, .expires = kNow + std::chrono::seconds(1)});
  EXPECT_EQ(enter(cache, *owner, 1), CacheOutcome::kHit);
  EXPECT_EQ(enter(cache, *owner, 1, kNow + std::chrono::seconds(1)), CacheOutcome::kMiss);
  EXPECT_EQ(cache.stats(*owner).expired, 1u);
  EXPECT_EQ(cache.bytes(), 0u);
}

TEST_F(ResultCacheTest, ErasesOneOwner) {
  ResultCache cache({.max_bytes = 1 << 20});
  auto first = cache.open(0);
  const auto second = cache.open(0);
  const auto owner_of = [&](uint64_t key) -> ResultCache::Owner& { return key % 2 ? *first : *second; };
  for (uint64_t key = 1; key <= 30; ++key) store(cache, owner_of(key), key);
  cache.erase(*first);
  for (uint64_t key = 1; key <= 30; ++key) {
    EXPECT_EQ(enter(cache, owner_of(key), key), key % 2 ? CacheOutcome::kMiss : CacheOutcome::kHit);
  }
  EXPECT_EQ(cache.stats(*first).bytes, 0u);
  store(cache, *first, 1);
  first.reset();
  EXPECT_EQ(cache.bytes(), cache.stats(*second).bytes) << "an owner's results go with it";
}

TEST_F(ResultCacheTest, ARunThatBeganBeforeAnErasureAnswersAndIsNotStored) {
  ResultCache cache({.max_bytes = 1 << 20});
  const auto owner = cache.open(0);
  auto leader = request(1);
  ASSERT_EQ(cache.enter(*owner, leader, false, kNow), CacheOutcome::kMiss);
  cache.erase(*owner);
  auto joiner = request(1);
  ASSERT_EQ(cache.enter(*owner, joiner, false, kNow), CacheOutcome::kJoin);
  fill(*leader, 1, 4);
  EXPECT_EQ(cache.leave(*owner, *leader, {.now = kNow}).size(), 1u);
  EXPECT_EQ(cache.bytes(), 0u);
  EXPECT_EQ(enter(cache, *owner, 1), CacheOutcome::kMiss);
}

TEST_F(ResultCacheTest, IdenticalRequestsJoinTheOneThatRuns) {
  ResultCache cache({.max_bytes = 1 << 20});
  const auto owner = cache.open(0);
  auto leader = request(1);
  ASSERT_EQ(cache.enter(*owner, leader, false, kNow), CacheOutcome::kMiss);
  auto joiner = request(1);
  ASSERT_EQ(cache.enter(*owner, joiner, false, kNow), CacheOutcome::kJoin);
  EXPECT_EQ(joiner, nullptr);
  leader->status = Status(Code::kRunFailed, "no");
  EXPECT_EQ(cache.leave(*owner, *leader, {.now = kNow}).size(), 1u);
  EXPECT_EQ(cache.stats(*owner).entries, 0u);
  EXPECT_EQ(enter(cache, *owner, 1), CacheOutcome::kMiss);
}

TEST_F(ResultCacheTest, AResultIsUsedAgainAsLongAsItIsTheSame) {
  ResultCache cache({.max_bytes = 1 << 20});
  const auto owner = cache.open(0);
  const TimePoint expires = kNow + std::chrono::seconds(10);
  store(cache, *owner, 1, 4, {.now = kNow, .expires = expires});
  auto hit = request(1);
  ASSERT_EQ(cache.enter(*owner, hit, false, kNow), CacheOutcome::kHit);
  const CachedResult result{hit->cache_key, hit->cache_number};
  EXPECT_TRUE(cache.use_again(result, kNow));
  EXPECT_EQ(cache.stats(*owner).hits, 2u);
  EXPECT_FALSE(cache.use_again(result, expires)) << "too old";
  EXPECT_FALSE(cache.use_again({request(2)->cache_key, result.number}, kNow)) << "never stored";

  auto refresh = request(1);
  ASSERT_EQ(cache.enter(*owner, refresh, true, kNow), CacheOutcome::kMiss);
  EXPECT_TRUE(cache.use_again(result, kNow)) << "the old result answers until the new one is there";
  fill(*refresh, 1, 4);
  cache.leave(*owner, *refresh, {.now = kNow});
  EXPECT_FALSE(cache.use_again(result, kNow)) << "another result of the same key";
  auto fresh = request(1);
  ASSERT_EQ(cache.enter(*owner, fresh, false, kNow), CacheOutcome::kHit);
  const CachedResult replaced{fresh->cache_key, fresh->cache_number};
  EXPECT_TRUE(cache.use_again(replaced, kNow));
  cache.erase(*owner);
  EXPECT_FALSE(cache.use_again(replaced, kNow)) << "forgotten";
  EXPECT_EQ(cache.stats(*owner).hits, 5u) << "what was not there is no hit";
}

TEST_F(ResultCacheTest, AResultThatIsUsedAgainIsTheLastToBeDropped) {
  ResultCache cache({.max_bytes = 2048, .shards = 1});
  const auto owner = cache.open(0);
  store(cache, *owner, 1);
  auto hit = request(1);
  ASSERT_EQ(cache.enter(*owner, hit, false, kNow), CacheOutcome::kHit);
  for (uint64_t key = 2; key <= 20; ++key) {
    store(cache, *owner, key, 4, {.now = kNow + std::chrono::seconds(key)});
    EXPECT_TRUE(cache.use_again({hit->cache_key, hit->cache_number}, kNow + std::chrono::seconds(key)));
  }
  EXPECT_GT(cache.stats(*owner).evicted, 0u);
}

TEST_F(ResultCacheTest, ARefreshIsNeverAHitAndReplaces) {
  ResultCache cache({.max_bytes = 1 << 20});
  const auto owner = cache.open(0);
  store(cache, *owner, 1);
  auto refresh = request(1);
  ASSERT_EQ(cache.enter(*owner, refresh, true, kNow), CacheOutcome::kMiss);
  EXPECT_EQ(enter(cache, *owner, 1), CacheOutcome::kHit) << "the old result answers until the new one is there";
  fill(*refresh, 2, 8);
  cache.leave(*owner, *refresh, {.now = kNow});
  auto hit = request(1);
  ASSERT_EQ(cache.enter(*owner, hit, false, kNow), CacheOutcome::kHit);
  EXPECT_EQ(hit->outputs[0].tensor.data.as<float>()[0], 2);
  EXPECT_EQ(cache.stats(*owner).entries, 1u);
  EXPECT_EQ(cache.bytes(), cache.stats(*owner).bytes);
}

TEST_F(ResultCacheTest, CountsEveryRequestOnceAndKeepsItsBoundsFromManyThreads) {
  constexpr uint64_t kBytes = 64 << 10;
  ResultCache cache({.max_bytes = kBytes});
  const std::array owners{cache.open(0), cache.open(kBytes / 4)};
  constexpr int kPerThread = 3000;
  std::atomic<uint64_t> joined{0};
  std::vector<std::thread> threads;
  for (uint64_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      uint64_t state = t + 1;
      for (int i = 0; i < kPerThread; ++i) {
        state = state * 6364136223846793005ull + 1442695040888963407ull;
        const uint64_t key = (state >> 33) % 200;
        ResultCache::Owner& owner = *owners[key % 2];
        auto made = request(key);
        const auto outcome = cache.enter(owner, made, false, Clock::now());
        if (outcome != CacheOutcome::kMiss) continue;
        fill(*made, key, 100);
        joined += cache.leave(owner, *made, {.now = Clock::now()}).size();
        EXPECT_LE(cache.bytes(), kBytes + 4 * 1024) << "no more than what each thread is about to store";
      }
    });
  }
  for (auto& thread : threads) thread.join();
  const auto first = cache.stats(*owners[0]);
  const auto second = cache.stats(*owners[1]);
  EXPECT_EQ(first.hits + first.misses + first.joins + second.hits + second.misses + second.joins, 4u * kPerThread);
  EXPECT_EQ(first.joins + second.joins, joined);
  EXPECT_EQ(first.bytes + second.bytes, cache.bytes());
  EXPECT_LE(cache.bytes(), kBytes);
  EXPECT_LE(second.bytes, kBytes / 4);
}

// Against the plainest LRU there is, over all shards.
TEST_F(ResultCacheTest, EvictsInTheOrderOfAReferenceModel) {
  constexpr size_t kEntries = 8;
  ResultCache probe({.max_bytes = 1 << 20});
  const auto probed = probe.open(0);
  store(probe, *probed, 1, 16);
  ResultCache cache({.max_bytes = probe.bytes() * kEntries});
  const auto owner = cache.open(0);
  std::list<uint64_t> reference;
  uint64_t state = 3;
  for (int i = 0; i < 5000; ++i) {
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    const uint64_t key = 1 + (state >> 33) % 14;
    const TimePoint now = kNow + std::chrono::seconds(i);
    const auto known = std::find(reference.begin(), reference.end(), key);
    if (known != reference.end()) {
      ASSERT_EQ(enter(cache, *owner, key, now), CacheOutcome::kHit);
      reference.erase(known);
    } else {
      store(cache, *owner, key, 16, {.now = now});
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

TEST(CacheKeyMaker, TellsInputsApartByTheirPlaceAndStringsByWhereTheyEnd) {
  BufferPool pool({});
  const CacheKeyMaker keys;
  const auto number = [&](float value) {
    Tensor made = allocate_tensor(pool, DType::kFp32, Shape{1}).value();
    made.data.as<float>()[0] = value;
    return made;
  };
  const auto strings = [&](uint64_t second) {
    Tensor made = allocate_tensor(pool, DType::kUint8, Shape{3}).value();
    std::memcpy(made.data.data(), "abc", 3);
    made.dtype = DType::kString;
    made.shape = Shape{2};
    made.offsets = {0, second, 3};
    return made;
  };
  const auto key = [&](std::vector<Tensor> inputs, std::vector<bool> present) {
    Request made;
    made.inputs = std::move(inputs);
    made.present = std::move(present);
    return keys.key_of({1, 2}, made);
  };
  const std::vector<CacheKey> all{
      key({number(1), number(2)}, {true, true}),
      key({number(2), number(1)}, {true, true}),
      key({number(1), Tensor()}, {true, false}),
      key({Tensor(), number(1)}, {false, true}),
      key({number(1)}, {true}),
      key({strings(1)}, {true}),
      key({strings(2)}, {true}),
      key({}, {}),
  };
  for (size_t i = 0; i < all.size(); ++i) {
    for (size_t j = 0; j < i; ++j) EXPECT_NE(all[i], all[j]) << i << " and " << j;
  }
  EXPECT_EQ(key({number(1), number(2)}, {true, true}), all[0]);
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
