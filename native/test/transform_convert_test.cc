// SPDX-License-Identifier: Apache-2.0
#include "core/transform/convert.h"

#include "transform_fixture.h"

namespace ortserve {
namespace {

using testing::Generator;
using testing::Unaligned;

class Conversions : public ::testing::TestWithParam<const Kernels*> {};

constexpr DType kTypes[] = {DType::kUint8, DType::kInt8, DType::kFp16, DType::kBf16, DType::kFp32};

bool is_nan(DType dtype, uint32_t bits) {
  if (dtype == DType::kFp16) return (bits & 0x7fff) > 0x7c00;
  if (dtype == DType::kBf16) return (bits & 0x7fff) > 0x7f80;
  return dtype == DType::kFp32 && (bits & 0x7fffffff) > 0x7f800000;
}

uint32_t bits_at(DType dtype, const std::byte* data, size_t i) {
  uint32_t bits = 0;
  std::memcpy(&bits, data + i * dtype_size(dtype), dtype_size(dtype));
  return bits;
}

void expect_converted(DType from, std::byte* source, DType to, size_t count, size_t shift, const Kernels& set) {
  Unaligned<std::byte> target(count * dtype_size(to), shift);
  convert(from, source, to, target.data(), count, set);
  for (size_t i = 0; i < count; ++i) {
    const uint32_t expected = from == to
                                  ? bits_at(from, source, i)
                                  : testing::reference_from_float(to, testing::reference_to_float(from, source, i));
    const uint32_t got = bits_at(to, target.data(), i);
    if (is_nan(to, expected)) {
      ASSERT_TRUE(is_nan(to, got)) << dtype_name(from) << " to " << dtype_name(to) << " at " << i;
    } else {
      ASSERT_EQ(got, expected) << dtype_name(from) << " to " << dtype_name(to) << " at " << i << " of " << count
                               << " from bits " << bits_at(from, source, i);
    }
  }
}

TEST_P(Conversions, MatchTheReferenceOnOddSizesAndUnalignedViews) {
  Generator random(11);
  for (int round = 0; round < 60; ++round) {
    const size_t count = round == 0 ? 0 : random.size(1, round % 10 == 9 ? 9000 : 200);
    for (const DType from : kTypes) {
      auto bytes = random.bits<std::byte>(count * dtype_size(from));
      if (from == DType::kFp32 && count > 0) std::memcpy(bytes.data(), random.floats(count).data(), bytes.size());
      Unaligned<std::byte> source(bytes, random.size(0, 63));
      for (const DType to : kTypes) {
        expect_converted(from, source.data(), to, count, random.size(0, 63), *GetParam());
        if (HasFatalFailure()) return;
      }
    }
  }
}

TEST_P(Conversions, ReadEvery16BitFloat) {
  for (const DType from : {DType::kFp16, DType::kBf16}) {
    std::vector<uint16_t> all(65536);
    for (size_t i = 0; i < all.size(); ++i) all[i] = static_cast<uint16_t>(i);
    Unaligned<uint16_t> source(all, 1);
    expect_converted(from, source.data(), DType::kFp32, all.size(), 3, *GetParam());
  }
}

TEST_P(Conversions, QuantizeAsTheDefinitionSays) {
  Generator random(12);
  for (int round = 0; round < 120; ++round) {
    const size_t channels = round % 3 == 0 ? 1 : random.size(2, 40);
    const size_t inner = round % 2 == 0 ? 1 : random.size(1, 50);
    const size_t count = channels * inner * random.size(0, 5);
    const bool is_signed = random.size(0, 1) == 1;
    const int32_t low = is_signed ? -128 : 0;
    std::vector<float> scale(channels);
    std::vector<int32_t> zero_point(channels);
    for (float& value : scale) value = round % 5 == 0 ? 0.5f : random.uniform(1e-3f, 4);
    for (int32_t& value : zero_point) value = low + static_cast<int32_t>(random.size(0, 255));
    const auto values = random.floats(count);
    Unaligned<float> source(values, random.size(0, 63));
    Unaligned<uint8_t> target(count, random.size(0, 63));
    quantize(is_signed ? DType::kInt8 : DType::kUint8, source.data(), target.data(), count, {scale, zero_point, inner},
             *GetParam());
    const auto got = target.values();
    for (size_t i = 0; i < count; ++i) {
      const size_t c = channels == 1 ? 0 : i / inner % channels;
      const double rounded = testing::reference_round(static_cast<double>(values[i] / scale[c])) + zero_point[c];
      const double expected = std::isnan(values[i]) ? low : std::clamp<double>(rounded, low, low + 255);
      ASSERT_EQ(got[i], static_cast<uint8_t>(static_cast<int32_t>(expected))) << values[i] << " / " << scale[c];
    }
    Unaligned<float> back(count, random.size(0, 63));
    dequantize(is_signed ? DType::kInt8 : DType::kUint8, target.data(), back.data(), count, {scale, zero_point, inner},
               *GetParam());
    const auto floats = back.values();
    for (size_t i = 0; i < count; ++i) {
      const size_t c = channels == 1 ? 0 : i / inner % channels;
      const int32_t integer = is_signed ? static_cast<int8_t>(got[i]) : got[i];
      ASSERT_EQ(floats[i], static_cast<float>(integer - zero_point[c]) * scale[c]);
    }
  }
}

TEST_P(Conversions, ReadSamplesAndMixChannels) {
  Generator random(13);
  for (int round = 0; round < 50; ++round) {
    const size_t channels = random.size(1, 6);
    const size_t frames = random.size(0, 400);
    const auto samples = random.bits<int16_t>(frames * channels);
    Unaligned<int16_t> source(samples, random.size(0, 63));
    Unaligned<float> target(frames, random.size(0, 63));
    GetParam()->pcm16(source.data(), target.data(), frames, channels, 1.0f / 32768);
    const auto got = target.values();
    for (size_t i = 0; i < frames; ++i) {
      double sum = 0;
      for (size_t c = 0; c < channels; ++c) sum += samples[i * channels + c];
      ASSERT_NEAR(got[i], sum / 32768 / static_cast<double>(channels), 1e-7);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Sets, Conversions, ::testing::ValuesIn(testing::all_sets()), testing::set_name);

TEST(Kernels, ThereIsAlwaysTheBaseline) {
  ASSERT_FALSE(usable_kernels().empty());
  EXPECT_STREQ(usable_kernels().back()->name, "baseline");
  EXPECT_EQ(&kernels(), usable_kernels().front());
}

}  // namespace
}  // namespace ortserve
