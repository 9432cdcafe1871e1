// SPDX-License-Identifier: Apache-2.0
#include "core/buffer_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <thread>
#include <vector>

namespace ortserve {
namespace {

TEST(BufferPool, RefusesWhatPassesItsLimitAndKeepsServing) {
  BufferPool pool({.max_live_bytes = 1024});
  auto first = pool.acquire(600);
  ASSERT_TRUE(first.ok());
  auto second = pool.acquire(600);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.status().code(), Code::kOutOfMemory);
  EXPECT_NE(second.status().message().find("600 bytes"), std::string::npos);
  *first = Buffer();
  EXPECT_TRUE(pool.acquire(600).ok());
  EXPECT_EQ(pool.stats().refused, 1u);
}

TEST(BufferPool, RefusesAbsurdSizes) {
  BufferPool pool({});
  for (size_t size : {SIZE_MAX, SIZE_MAX - 64, size_t{1} << 62}) {
    auto buffer = pool.acquire(size);
    ASSERT_FALSE(buffer.ok());
    EXPECT_EQ(buffer.status().code(), Code::kOutOfMemory);
  }
  EXPECT_EQ(pool.stats().live_bytes, 0u);
}

TEST(BufferPool, AlignsAndSizesEveryBlock) {
  BufferPool pool({});
  for (size_t size = 0; size < 5000; size += 7) {
    auto buffer = pool.acquire(size);
    ASSERT_TRUE(buffer.ok());
    EXPECT_EQ(buffer->size(), size);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(buffer->data()) % kBufferAlignment, 0u);
    std::memset(buffer->data(), 0xab, size);
    if (size >= 256) {
      EXPECT_LE(pool.stats().live_bytes, size + size / 4 + 1);
    }
  }
}

TEST(BufferPool, ReusesReturnedBlocksUpToTheRetentionLimit) {
  BufferPool pool({.max_retained_bytes = 2048});
  std::byte* where = nullptr;
  {
    auto buffer = pool.acquire(1000);
    where = buffer->data();
  }
  EXPECT_EQ(pool.stats().retained_bytes, 1024u);
  auto again = pool.acquire(1010);
  EXPECT_EQ(again->data(), where);
  EXPECT_EQ(pool.stats().reused, 1u);
  { auto large = pool.acquire(4096); }
  EXPECT_EQ(pool.stats().retained_bytes, 0u);
  *again = Buffer();
  pool.trim();
  EXPECT_EQ(pool.stats().retained_bytes, 0u);
  EXPECT_EQ(pool.stats().live_bytes, 0u);
}

TEST(Buffer, SlicesShareTheMemoryUntilTheLastOneGoes) {
  BufferPool pool({});
  Buffer tail;
  {
    auto whole = pool.acquire(100);
    std::memset(whole->data(), 7, 100);
    tail = whole->slice(90, 10);
  }
  EXPECT_GT(pool.stats().live_bytes, 0u);
  EXPECT_EQ(tail.size(), 10u);
  EXPECT_EQ(tail.data()[9], std::byte{7});
  tail = Buffer();
  EXPECT_EQ(pool.stats().live_bytes, 0u);
}

TEST(Buffer, LentMemoryIsReleasedOnce) {
  std::vector<std::byte> memory(16);
  int released = 0;
  {
    const Buffer lent = Buffer::lend(memory.data(), memory.size(), [&] { ++released; });
    const Buffer copy = lent;
    const Buffer part = copy.slice(4, 4);
    EXPECT_EQ(part.data(), memory.data() + 4);
    EXPECT_EQ(released, 0);
  }
  EXPECT_EQ(released, 1);
}

/// Heap memory that is counted, and runs out at will.
class CountedMemory final : public BlockMemory {
 public:
  void* allocate(size_t size) noexcept override {
    if (exhausted) return nullptr;
    ++live;
    return std::aligned_alloc(kBufferAlignment, (size + kBufferAlignment - 1) / kBufferAlignment * kBufferAlignment);
  }
  void release(void* memory) noexcept override {
    --live;
    std::free(memory);
  }
  std::atomic<int> live = 0;
  bool exhausted = false;
};

TEST(BufferPool, TakesItsBlocksFromTheMemoryItWasGiven) {
  CountedMemory memory;
  {
    BufferPool pool({.max_retained_bytes = 4096}, &memory);
    EXPECT_EQ(pool.acquire(100).value().pool(), &pool);
    EXPECT_EQ(memory.live, 1);  // kept for reuse
    EXPECT_TRUE(pool.acquire(200).ok());
    EXPECT_EQ(memory.live, 1);
    EXPECT_TRUE(pool.acquire(100'000).ok());
    EXPECT_EQ(memory.live, 1);  // too large to keep
    memory.exhausted = true;
    EXPECT_EQ(pool.acquire(5000).status().code(), Code::kOutOfMemory);
  }
  EXPECT_EQ(memory.live, 0);
}

/// A pool, and the memory that it needs as long as one of its buffers lives.
struct PoolOwner {
  CountedMemory memory;
  BufferPool pool{{}, &memory};
};

TEST(BufferPool, BuffersOfAPoolWithAnOwnerKeepItAlive) {
  auto owner = std::make_shared<PoolOwner>();
  owner->pool.kept_by(owner);
  const std::weak_ptr<PoolOwner> watched = owner;
  Buffer first = owner->pool.acquire(100).value();
  Buffer second = first.slice(10, 10);
  std::thread elsewhere([kept = owner->pool.acquire(300).value()]() mutable { kept = Buffer(); });
  elsewhere.join();
  owner.reset();
  ASSERT_FALSE(watched.expired());
  std::memset(second.data(), 1, second.size());
  first = Buffer();
  EXPECT_FALSE(watched.expired());
  second = Buffer();
  EXPECT_TRUE(watched.expired());
}

TEST(BufferPool, IsSafeFromManyThreads) {
  BufferPool pool({});
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&pool, t] {
      for (size_t i = 0; i < 2000; ++i) {
        auto buffer = pool.acquire(100 + (i * 37 + static_cast<size_t>(t)) % 4000);
        ASSERT_TRUE(buffer.ok());
        buffer->data()[0] = std::byte{1};
        const Buffer shared = *buffer;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(pool.stats().live_bytes, 0u);
  EXPECT_EQ(pool.stats().acquired, 8000u);
}

}  // namespace
}  // namespace ortserve
