// SPDX-License-Identifier: Apache-2.0
// One JSON scalar to one tensor element. Inlined into the loop that fills a tensor: this is where decode time goes.
#pragma once

#include <simdjson.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>
#include <type_traits>

#include "core/codec/float16.h"
#include "core/codec/read_decimal.h"

namespace ortserve {

/// The 16-bit formats as element types of their own.
struct Fp16 {
  uint16_t bits;
};
struct Bf16 {
  uint16_t bits;
};

/// NaN, Infinity, -Infinity, Inf or -Inf, which JSON lacks and every inference protocol sends.
inline std::optional<double> special_number(std::string_view token) noexcept {
  const bool negative = token.starts_with('-');
  const std::string_view name = token.substr(negative);
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (name == "Infinity" || name == "Inf") return negative ? -kInfinity : kInfinity;
  if (name == "NaN" && !negative) return std::numeric_limits<double>::quiet_NaN();
  return std::nullopt;
}

/// Rounds to a float such that a second rounding, to 16 bits, gives what one rounding from the double would have given:
/// an inexact result gets an odd last bit, so that it is never taken for a tie (round to odd).
inline float round_to_odd(double value) noexcept {
  const auto nearest = static_cast<float>(value);
  if (static_cast<double>(nearest) == value || !std::isfinite(nearest)) return nearest;
  uint32_t bits = std::bit_cast<uint32_t>(nearest);
  if (std::fabs(static_cast<double>(nearest)) > std::fabs(value)) --bits;  // toward zero
  return std::bit_cast<float>(bits | 1);
}

/// Reads the number at `token`, which white space or punctuation ends; the next token begins at `next`. False: it is
/// not one that T holds.
template <typename T>
inline bool read_number(const char* token, const char* next, T& value) noexcept {
  namespace parsing = simdjson::builtin::numberparsing;
  const auto* text = reinterpret_cast<const uint8_t*>(token);
  if constexpr (std::is_same_v<T, uint64_t>) {
    return parsing::parse_unsigned(text).get(value) == simdjson::SUCCESS;
  } else if constexpr (std::is_integral_v<T>) {
    int64_t wide;
    if (parsing::parse_integer(text).get(wide) != simdjson::SUCCESS) return false;
    value = static_cast<T>(wide);
    return static_cast<int64_t>(value) == wide;
  } else {
    double wide;
    const auto* end = reinterpret_cast<const uint8_t*>(next);
    if (!read_fraction(text, end, wide) && !read_decimal(text, wide) &&
        parsing::parse_double(text).get(wide) != simdjson::SUCCESS)
      return false;
    if constexpr (std::is_same_v<T, Fp16>) {
      value.bits = float_to_fp16(round_to_odd(wide));
    } else if constexpr (std::is_same_v<T, Bf16>) {
      value.bits = float_to_bf16(round_to_odd(wide));
    } else {
      value = static_cast<T>(wide);  // what Float32Array does with a JavaScript number
    }
    return true;
  }
}

/// As read_number, for a token in full: booleans, and the tokens of special_number() where T is a float.
template <typename T>
inline bool read_token(std::string_view token, T& value) noexcept {
  if constexpr (std::is_same_v<T, bool>) {
    value = token == "true";
    return value || token == "false";
  } else if constexpr (std::is_integral_v<T>) {
    return false;
  } else {
    const auto special = special_number(token);
    if (!special) return false;
    if constexpr (std::is_same_v<T, Fp16>) {
      value.bits = float_to_fp16(static_cast<float>(*special));
    } else if constexpr (std::is_same_v<T, Bf16>) {
      value.bits = float_to_bf16(static_cast<float>(*special));
    } else {
      value = static_cast<T>(*special);
    }
    return true;
  }
}

}  // namespace ortserve
