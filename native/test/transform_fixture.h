// SPDX-License-Identifier: Apache-2.0
// Random data for the kernels: odd sizes, views that begin anywhere, and the values that conversions get wrong.
#pragma once

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "core/codec/float16.h"
#include "core/tensor.h"
#include "core/transform/kernels.h"

namespace ortserve::testing {

/// A copy of values that begins `shift` bytes after a multiple of 64, in memory that ends where the values do: a
/// sanitizer sees every access outside.
template <typename T>
class Unaligned {
 public:
  Unaligned(const std::vector<T>& values, size_t shift)
      : memory_(values.size() * sizeof(T) + shift), shift_(shift), size_(values.size()) {
    if (size_) std::memcpy(data(), values.data(), size_ * sizeof(T));
  }
  Unaligned(size_t size, size_t shift) : Unaligned(std::vector<T>(size), shift) {}

  std::byte* data() { return memory_.data() + shift_; }
  std::vector<T> values() {
    std::vector<T> copy(size_);
    if (size_) std::memcpy(copy.data(), data(), size_ * sizeof(T));
    return copy;
  }

 private:
  std::vector<std::byte> memory_;
  size_t shift_;
  size_t size_;
};

class Generator {
 public:
  explicit Generator(uint32_t seed) : random_(seed) {}

  size_t size(size_t low, size_t high) { return low + random_() % (high - low + 1); }
  float uniform(float low, float high) { return std::uniform_real_distribution<float>(low, high)(random_); }

  template <typename T>
  std::vector<T> bits(size_t count) {
    std::vector<T> values(count);
    for (T& value : values) value = static_cast<T>(random_());
    return values;
  }

  /// Numbers around the integers of 8 bits, ties among them, and one special value in eight.
  std::vector<float> floats(size_t count) {
    constexpr float kInfinity = std::numeric_limits<float>::infinity();
    static const std::vector<float> kSpecial = {0.0f,
                                                -0.0f,
                                                0.5f,
                                                1.5f,
                                                2.5f,
                                                -0.5f,
                                                -1.5f,
                                                254.5f,
                                                255.5f,
                                                -128.5f,
                                                127.5f,
                                                65504.0f,
                                                65519.0f,
                                                65520.0f,
                                                1e-8f,
                                                5.96e-8f,
                                                2.98e-8f,
                                                6.1e-5f,
                                                1e30f,
                                                -1e30f,
                                                kInfinity,
                                                -kInfinity,
                                                3e9f,
                                                -3e9f,
                                                std::numeric_limits<float>::quiet_NaN(),
                                                std::numeric_limits<float>::denorm_min(),
                                                1e-39f};
    std::vector<float> values(count);
    for (float& value : values) {
      const uint32_t kind = random_() % 8;
      if (kind == 0)
        value = kSpecial[random_() % kSpecial.size()];
      else if (kind == 1)
        value = std::bit_cast<float>(static_cast<uint32_t>(random_()));
      else
        value = uniform(-300, 300);
    }
    return values;
  }

 private:
  std::mt19937 random_;
};

/// Reference conversions, one value at a time.
inline float reference_to_float(DType from, const std::byte* data, size_t i) {
  const auto read = [&](auto value) {
    std::memcpy(&value, data + i * sizeof(value), sizeof(value));
    return value;
  };
  switch (from) {
    case DType::kUint8:
      return static_cast<float>(read(uint8_t{}));
    case DType::kInt8:
      return static_cast<float>(read(int8_t{}));
    case DType::kFp16:
      return fp16_to_float(read(uint16_t{}));
    case DType::kBf16:
      return bf16_to_float(read(uint16_t{}));
    default:
      return read(float{});
  }
}

inline double reference_round(double value) {
  return std::nearbyint(value);  // to even, in the default mode
}

/// As bits; integers sign-extended.
inline uint32_t reference_from_float(DType to, float value) {
  const auto saturate = [&](double low, double high) {
    if (std::isnan(value)) return uint32_t{0};
    return static_cast<uint32_t>(static_cast<int32_t>(std::clamp(reference_round(value), low, high)));
  };
  switch (to) {
    case DType::kUint8:
      return saturate(0, 255);
    case DType::kInt8:
      return saturate(-128, 127) & 0xff;
    case DType::kFp16:
      return float_to_fp16(value);
    case DType::kBf16:
      return float_to_bf16(value);
    default:
      return std::bit_cast<uint32_t>(value);
  }
}

/// Names the kernels in a failure.
inline std::string set_name(const ::testing::TestParamInfo<const Kernels*>& info) {
  return info.param->name;
}

inline std::vector<const Kernels*> all_sets() {
  const auto sets = usable_kernels();
  return {sets.begin(), sets.end()};
}

}  // namespace ortserve::testing
