// SPDX-License-Identifier: Apache-2.0
#include "core/codec/body.h"

#include <gtest/gtest.h>

#include <string>

namespace ortserve {
namespace {

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

TEST(BodyBuffer, RefusesMoreThanTheLimit) {
  BufferPool pool({});
  EXPECT_EQ(BodyBuffer::create(pool, 11, 0, 10).status().code(), Code::kLimitExceeded);
  auto body = BodyBuffer::create(pool, 0, 0, 10);
  ASSERT_TRUE(body.ok());
  EXPECT_TRUE(body->append(bytes_of("0123456789")).ok());
  const Status status = body->append(bytes_of("x"));
  EXPECT_EQ(status.code(), Code::kLimitExceeded);
  EXPECT_NE(status.message().find("10 bytes"), std::string::npos);
  EXPECT_EQ(body->size(), 10u);
}

TEST(BodyBuffer, ReportsAPoolThatIsExhausted) {
  BufferPool pool({.max_live_bytes = 1024});
  EXPECT_EQ(BodyBuffer::create(pool, 4096, 0, 1 << 20).status().code(), Code::kOutOfMemory);
  auto body = BodyBuffer::create(pool, 0, 0, 1 << 20);
  ASSERT_TRUE(body.ok());
  EXPECT_EQ(body->append(bytes_of(std::string(4096, 'x'))).code(), Code::kOutOfMemory);
}

TEST(BodyBuffer, AlignsTheFirstBlobAndKeepsThePadding) {
  BufferPool pool({});
  for (size_t json_size : {0u, 1u, 63u, 64u, 65u, 231u}) {
    auto body = BodyBuffer::create(pool, json_size + 8, json_size, 1 << 20);
    ASSERT_TRUE(body.ok());
    EXPECT_TRUE(body->append(bytes_of(std::string(json_size + 8, 'x'))).ok());
    const Buffer taken = body->take();
    ASSERT_EQ(taken.size(), json_size + 8);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(taken.data() + json_size) % kBufferAlignment, 0u);
    for (size_t i = 0; i < kJsonPadding; ++i) {  // readable, and ours: a sanitizer would object
      taken.data()[taken.size() + i] = std::byte{1};
    }
  }
}

TEST(BodyBuffer, CollectsPiecesOfAnySize) {
  BufferPool pool({});
  auto body = BodyBuffer::create(pool, 0, 7, 1 << 20);
  ASSERT_TRUE(body.ok());
  std::string expected;
  for (size_t i = 0; i < 200; ++i) {
    const std::string piece(i * 7 % 131, static_cast<char>('a' + i % 26));
    expected += piece;
    ASSERT_TRUE(body->append(bytes_of(piece)).ok());
  }
  const Buffer taken = body->take();
  EXPECT_EQ(std::string(taken.as<const char>(), taken.size()), expected);
  EXPECT_EQ(body->size(), 0u);
  EXPECT_TRUE(body->append(bytes_of("again")).ok());
  EXPECT_EQ(body->take().size(), 5u);
}

}  // namespace
}  // namespace ortserve
