// SPDX-License-Identifier: Apache-2.0
#include "core/transform/pixels.h"

#include <algorithm>

#include "transform_fixture.h"

namespace ortserve {
namespace {

using testing::Generator;
using testing::Unaligned;

class Pixels : public ::testing::TestWithParam<const Kernels*> {};

PixelPlan random_plan(Generator& random) {
  constexpr DType kTypes[] = {DType::kFp32, DType::kFp16, DType::kBf16, DType::kUint8, DType::kInt8};
  PixelPlan plan;
  plan.channels = random.size(1, kMaxChannels);
  plan.planar = random.size(0, 1) == 1;
  plan.dtype = kTypes[random.size(0, 4)];
  for (size_t c = 0; c < plan.channels; ++c) {
    plan.mul[c] = random.uniform(-2, 2);
    plan.add[c] = random.uniform(-100, 100);
  }
  if (random.size(0, 1) == 1) std::reverse(plan.place.begin(), plan.place.begin() + plan.channels);
  const bool integers = plan.dtype == DType::kUint8 || plan.dtype == DType::kInt8;
  if (integers && random.size(0, 2) > 0) {
    const size_t scales = random.size(0, 1) == 1 ? 1 : plan.channels;
    for (size_t i = 0; i < scales; ++i) {
      plan.scale.push_back(random.uniform(0.01f, 3));
      plan.zero_point.push_back(static_cast<int32_t>(random.size(0, 127)));
    }
  }
  return plan;
}

// One value at a time, in the arithmetic the plan promises.
uint32_t reference(const PixelPlan& plan, uint8_t pixel, size_t channel) {
  const volatile float product = static_cast<float>(pixel) * plan.mul[channel];  // volatile: never fused with the sum
  const float value = product + plan.add[channel];
  if (plan.scale.empty()) return testing::reference_from_float(plan.dtype, value);
  const size_t at = plan.scale.size() == 1 ? 0 : plan.place[channel];
  const double low = plan.dtype == DType::kInt8 ? -128 : 0;
  const double rounded = testing::reference_round(value / plan.scale[at]) + plan.zero_point[at];
  return static_cast<uint32_t>(static_cast<int32_t>(std::clamp(rounded, low, low + 255))) & 0xff;
}

TEST_P(Pixels, MatchTheReferenceOnOddSizesAndUnalignedViews) {
  Generator random(21);
  for (int round = 0; round < 200; ++round) {
    const PixelPlan plan = random_plan(random);
    const size_t pixels = round == 0 ? 0 : random.size(1, round % 20 == 19 ? 5000 : 120);
    const auto bytes = random.bits<uint8_t>(pixels * plan.channels);
    Unaligned<uint8_t> source(bytes, random.size(0, 63));
    const size_t size = dtype_size(plan.dtype);
    Unaligned<std::byte> target(bytes.size() * size, random.size(0, 63));
    transform_pixels(plan, source.data(), pixels, target.data(), *GetParam());
    for (size_t i = 0; i < bytes.size(); ++i) {
      const size_t c = i % plan.channels;
      const size_t pixel = i / plan.channels;
      const size_t place = plan.planar ? plan.place[c] * pixels + pixel : pixel * plan.channels + plan.place[c];
      uint32_t got = 0;
      std::memcpy(&got, target.data() + place * size, size);
      ASSERT_EQ(got, reference(plan, bytes[i], c)) << "round " << round << " pixel " << pixel << " channel " << c;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Sets, Pixels, ::testing::ValuesIn(testing::all_sets()), testing::set_name);

TEST(PixelPlan, KnowsWhenThereIsNothingToDo) {
  PixelPlan plan;
  plan.dtype = DType::kUint8;
  EXPECT_TRUE(plan.is_copy());
  plan.planar = true;
  EXPECT_FALSE(plan.is_copy());
  plan.channels = 1;
  EXPECT_TRUE(plan.is_copy());
  plan.scale = {1};
  plan.zero_point = {0};
  EXPECT_FALSE(plan.is_copy());
}

TEST(PixelPlan, DropsArithmeticThatChangesNothing) {
  PixelPlan plan;
  plan.dtype = DType::kUint8;
  plan.mul.fill(1.0f / 255);
  plan.scale = {1.0f / 255};
  plan.zero_point = {0};
  PixelPlan other = plan;
  other.zero_point = {1};
  plan.simplify();
  EXPECT_TRUE(plan.is_copy());
  other.simplify();
  EXPECT_FALSE(other.is_plain());
  PixelPlan swapped;
  swapped.dtype = DType::kUint8;
  swapped.place = {2, 1, 0, 3};
  swapped.simplify();
  EXPECT_FALSE(swapped.is_copy());
}

}  // namespace
}  // namespace ortserve
