// SPDX-License-Identifier: Apache-2.0
#include "core/codec/float16.h"

#include <bit>

namespace ortserve {

namespace {

constexpr uint32_t kSign = 0x80000000u;
constexpr uint32_t kInfinity = 0x7f800000u;

// Drops the low `shift` bits (1 to 31), rounding to nearest, ties to even.
constexpr uint32_t round_shift(uint32_t value, int shift) noexcept {
  const uint32_t half = (uint32_t{1} << (shift - 1)) - 1;
  return (value + half + ((value >> shift) & 1)) >> shift;
}

}  // namespace

float fp16_to_float(uint16_t bits) noexcept {
  const uint32_t sign = static_cast<uint32_t>(bits & 0x8000u) << 16;
  const uint32_t exponent = (bits >> 10) & 0x1fu;
  const uint32_t mantissa = bits & 0x3ffu;
  if (exponent == 0) {  // zero or subnormal: mantissa * 2^-24, exact in a float
    const float magnitude = static_cast<float>(mantissa) * 0x1p-24f;
    return std::bit_cast<float>(std::bit_cast<uint32_t>(magnitude) | sign);
  }
  if (exponent == 31) return std::bit_cast<float>(sign | kInfinity | (mantissa << 13));
  return std::bit_cast<float>(sign | ((exponent + 112) << 23) | (mantissa << 13));
}

uint16_t float_to_fp16(float value) noexcept {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const auto sign = static_cast<uint16_t>((bits & kSign) >> 16);
  const uint32_t magnitude = bits & ~kSign;
  if (magnitude > kInfinity) return sign | 0x7e00u | static_cast<uint16_t>((magnitude >> 13) & 0x3ffu);  // NaN, quieted
  if (magnitude >= 0x47800000u) return sign | 0x7c00u;  // 65536 and above: infinity
  if (magnitude >= 0x38800000u) {                       // normal: 2^-14 and above; the carry may reach infinity
    return sign | static_cast<uint16_t>(round_shift(magnitude - (112u << 23), 13));
  }
  if (magnitude < 0x33000000u) return sign;                   // below 2^-25: rounds to zero
  const int shift = 126 - static_cast<int>(magnitude >> 23);  // subnormal: 14 to 24
  return sign | static_cast<uint16_t>(round_shift((magnitude & 0x7fffffu) | 0x800000u, shift));
}

float bf16_to_float(uint16_t bits) noexcept {
  return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
}

uint16_t float_to_bf16(float value) noexcept {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  if ((bits & ~kSign) > kInfinity) return static_cast<uint16_t>((bits >> 16) | 0x40u);  // NaN, quieted
  const uint32_t sign = bits & kSign;
  return static_cast<uint16_t>((sign >> 16) | round_shift(bits & ~kSign, 16));
}

}  // namespace ortserve
