// SPDX-License-Identifier: Apache-2.0
// Plain decimals ("-0.1234567", "17", "3.25") eight digits at a time and without a branch on the digits or the sign,
// which are random in real tensors. What it does not take (exponents, more than 19 digits, wrong text) is left to
// simdjson.
#pragma once

#include <simdjson.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>

namespace ortserve {

static_assert(std::endian::native == std::endian::little, "digits are read as little-endian words");

namespace internal {

inline constexpr double kPowersOfTen[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,
                                          1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19};
inline constexpr uint64_t kIntegerPowers[] = {
    1,         10,         100,         1000,         10000,         100000,         1000000,         10000000,
    100000000, 1000000000, 10000000000, 100000000000, 1000000000000, 10000000000000, 100000000000000, 1000000000000000};

/// The value of eight digits, each a byte from 0 to 9, the first in the lowest byte.
inline uint64_t value_of_digits(uint64_t digits) noexcept {
  const uint64_t v = digits * 10 + (digits >> 8);
  return ((v & 0x000000FF000000FFu) * 0x000F424000000064u + ((v >> 16) & 0x000000FF000000FFu) * 0x0000271000000001u) >>
         32;
}

/// Nonzero bits where a byte of what read as `word ^ "00000000"` is no digit.
inline uint64_t other_than_digits(uint64_t digits) noexcept {
  return ((digits + 0x7676767676767676u) | digits) & 0x8080808080808080u;
}

/// Reads up to eight digits at `text`: how many there are, and their value (0 for none). Eight bytes are readable.
/// Little-endian.
inline unsigned read_digits(const uint8_t* text, uint64_t& value) noexcept {
  uint64_t word;
  std::memcpy(&word, text, sizeof word);
  const uint64_t digits = word ^ 0x3030303030303030u;  // '0'..'9' become 0..9, all else more than 9
  const uint64_t others = other_than_digits(digits);
  const unsigned count = static_cast<unsigned>(std::countr_zero(others)) / 8;  // 8 when there are none
  const unsigned half = 32 - 4 * count;                                        // shifting by 64 at once is undefined
  value = value_of_digits((digits << half) << half);                           // leading zeros in front
  return count;
}

}  // namespace internal

/// Reads a decimal of one digit, a point and up to 15 more ("-0.1234567", what most tensors are made of) that ends at
/// `end`. As its length is known, nothing in it is branched on but whether it is one. 16 bytes are readable behind
/// `text` and the point; result as of read_decimal().
inline bool read_fraction(const uint8_t* text, const uint8_t* end, double& value) noexcept {
  const bool negative = *text == '-';
  const uint8_t* const whole = text + negative;
  const auto decimals = static_cast<size_t>(end - whole - 2);
  const uint64_t units = static_cast<uint8_t>(*whole - '0');
  if (units > 9 || whole[1] != '.' || decimals - 1 >= 15) return false;
  uint64_t first, rest;
  std::memcpy(&first, whole + 2, sizeof first);
  std::memcpy(&rest, whole + 10, sizeof rest);
  const size_t in_first = std::min<size_t>(decimals, 8), in_rest = decimals - in_first;
  const size_t half = 32 - 4 * in_rest;  // shifting by 64 at once is undefined
  // Shifted so that what follows the digits is gone and zeros stand in front of them.
  first = (first ^ 0x3030303030303030u) << (64 - 8 * in_first);
  rest = ((rest ^ 0x3030303030303030u) << half) << half;
  if (internal::other_than_digits(first) | internal::other_than_digits(rest)) return false;
  const uint64_t fraction =
      internal::value_of_digits(first) * internal::kIntegerPowers[in_rest] + internal::value_of_digits(rest);
  const uint64_t mantissa = units * internal::kIntegerPowers[decimals] + fraction;
  if (mantissa > uint64_t{1} << 53) return false;
  const double magnitude = static_cast<double>(mantissa) / internal::kPowersOfTen[decimals];  // both exact
  value = std::bit_cast<double>(std::bit_cast<uint64_t>(magnitude) | uint64_t{negative} << 63);
  return true;
}

/// Reads the decimal at `text`, after which white space or punctuation and then 32 readable bytes come. Gives the
/// double nearest to it (ties to even), as strtod does. False, `value` untouched: not a plain decimal.
inline bool read_decimal(const uint8_t* text, double& value) noexcept {
  namespace parsing = simdjson::builtin::numberparsing;
  const bool negative = *text == '-';
  const uint8_t* p = text + negative;
  const uint8_t* const begin = p;
  uint64_t mantissa = static_cast<uint8_t>(*p++ - '0');
  if (mantissa > 9) return false;
  if (mantissa == 0) {
    if (static_cast<uint8_t>(*p - '0') <= 9) return false;
  } else {
    for (uint8_t digit; (digit = static_cast<uint8_t>(*p - '0')) <= 9; ++p) mantissa = mantissa * 10 + digit;
  }
  if (p - begin > 19) return false;
  unsigned decimals = 0;
  if (*p == '.') {
    ++p;
    unsigned count;
    do {
      uint64_t digits;
      count = internal::read_digits(p, digits);
      mantissa = mantissa * internal::kIntegerPowers[count] + digits;
      p += count;
      decimals += count;
    } while (count == 8 && decimals < 24);
    if (decimals == 0 || p - begin > 20) return false;  // 19 digits and a point: the mantissa has not overflowed
  }
  if (simdjson::internal::structural_or_whitespace_negated[*p]) return false;
  double magnitude;
  if (mantissa <= uint64_t{1} << 53) {
    magnitude = static_cast<double>(mantissa) / internal::kPowersOfTen[decimals];  // both exact, so rounded once
  } else if (!parsing::compute_float_64(-static_cast<int64_t>(decimals), mantissa, false, magnitude)) {
    return false;
  }
  value = std::bit_cast<double>(std::bit_cast<uint64_t>(magnitude) | uint64_t{negative} << 63);
  return true;
}

}  // namespace ortserve
