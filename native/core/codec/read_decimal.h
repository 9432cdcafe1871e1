// SPDX-License-Identifier: Apache-2.0
// Plain decimals ("-0.1234567", "17", "3.25") eight digits at a time and without a branch on the digits or the sign,
// which are random in real tensors. What it does not take (exponents, more than 19 digits, wrong text) is left to
// simdjson.
#pragma once

#include <simdjson.h>

#include <bit>
#include <cstdint>
#include <cstring>

namespace ortserve {

static_assert(std::endian::native == std::endian::little, "digits are read as little-endian words");

namespace internal {

inline constexpr double kPowersOfTen[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,
                                          1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19};
inline constexpr uint64_t kIntegerPowers[] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000};

/// Reads up to eight digits at `text`: how many there are, and their value (0 for none). Eight bytes are readable.
/// Little-endian.
inline unsigned read_digits(const uint8_t* text, uint64_t& value) noexcept {
  uint64_t word;
  std::memcpy(&word, text, sizeof word);
  const uint64_t digits = word ^ 0x3030303030303030u;  // '0'..'9' become 0..9, all else more than 9
  const uint64_t others = ((digits + 0x7676767676767676u) | digits) & 0x8080808080808080u;
  const unsigned count = static_cast<unsigned>(std::countr_zero(others)) / 8;  // 8 when there are none
  const unsigned half = 32 - 4 * count;                                        // shifting by 64 at once is undefined
  uint64_t v = (digits << half) << half;                                       // leading zeros in front
  v = v * 10 + (v >> 8);
  value =
      ((v & 0x000000FF000000FFu) * 0x000F424000000064u + ((v >> 16) & 0x000000FF000000FFu) * 0x0000271000000001u) >> 32;
  return count;
}

}  // namespace internal

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
