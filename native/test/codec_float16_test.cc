// SPDX-License-Identifier: Apache-2.0
#include "core/codec/float16.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <random>

namespace ortserve {
namespace {

// The value nearest to `value` among all of a 16-bit format, found by looking at its neighbours; ties to the even bits.
template <typename ToFloat>
uint16_t nearest_of(float value, uint16_t guess, ToFloat to_float) {
  uint16_t best = guess;
  for (int step = -2; step <= 2; ++step) {
    const auto candidate = static_cast<uint16_t>(guess + step);
    if ((candidate ^ guess) & 0x8000 || !std::isfinite(to_float(candidate))) continue;
    const double distance = std::fabs(static_cast<double>(to_float(candidate)) - value);
    const double best_distance = std::fabs(static_cast<double>(to_float(best)) - value);
    if (distance < best_distance || (distance == best_distance && candidate % 2 == 0)) best = candidate;
  }
  return best;
}

TEST(Float16, ReadsAndWritesEveryBitPattern) {
  for (uint32_t bits = 0; bits <= 0xffff; ++bits) {
    const auto pattern = static_cast<uint16_t>(bits);
    const float half = fp16_to_float(pattern);
    const float brain = bf16_to_float(pattern);
    if (std::isnan(half)) {
      EXPECT_TRUE(std::isnan(fp16_to_float(float_to_fp16(half))));
    } else {
      ASSERT_EQ(float_to_fp16(half), pattern);
    }
    if (std::isnan(brain)) {
      EXPECT_TRUE(std::isnan(bf16_to_float(float_to_bf16(brain))));
    } else {
      ASSERT_EQ(float_to_bf16(brain), pattern);
    }
  }
}

TEST(Float16, KnowsTheCornersOfTheFormat) {
  EXPECT_EQ(fp16_to_float(0x3555), 0.333251953125f);
  EXPECT_EQ(fp16_to_float(0x0001), 0x1p-24f);
  EXPECT_EQ(fp16_to_float(0x7bff), 65504.0f);
  EXPECT_EQ(fp16_to_float(0xfc00), -INFINITY);
  EXPECT_EQ(float_to_fp16(65519.996f), 0x7bff);
  EXPECT_EQ(float_to_fp16(65520.0f), 0x7c00);
  EXPECT_EQ(float_to_fp16(0x1p-25f), 0x0000);
  EXPECT_EQ(float_to_fp16(0x1.000002p-25f), 0x0001);
  EXPECT_EQ(float_to_fp16(-0.0f), 0x8000);
  EXPECT_EQ(float_to_fp16(-1e-10f), 0x8000);
  EXPECT_EQ(float_to_bf16(-0.0f), 0x8000);
  EXPECT_EQ(float_to_bf16(3.4e38f), 0x7f80);
}

TEST(Float16, RoundsToTheNearestTiesToEven) {
  std::mt19937 random(7);
  for (int i = 0; i < 200'000; ++i) {
    const float brain = std::bit_cast<float>(static_cast<uint32_t>(random()));
    if (std::isfinite(brain) && std::fabs(brain) < 3e38f) {
      ASSERT_EQ(float_to_bf16(brain), nearest_of(brain, float_to_bf16(brain), bf16_to_float)) << brain;
    }
    const float half = std::ldexp(static_cast<float>(random()) * 0x1p-31f - 1.0f, static_cast<int>(random() % 42) - 26);
    if (std::fabs(half) < 65504.0f) {
      ASSERT_EQ(float_to_fp16(half), nearest_of(half, float_to_fp16(half), fp16_to_float)) << half;
    }
  }
}

}  // namespace
}  // namespace ortserve
