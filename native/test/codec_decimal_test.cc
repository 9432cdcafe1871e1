// SPDX-License-Identifier: Apache-2.0
#include "core/codec/read_decimal.h"

#include <gtest/gtest.h>

#include <bit>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace ortserve {
namespace {

constexpr size_t kReadable = 32;  // bytes that must be readable behind the number

bool read(const std::string& text, double& value) {
  const std::string padded = text + "," + std::string(kReadable, '9');
  return read_decimal(reinterpret_cast<const uint8_t*>(padded.data()), value);
}

bool read_as_fraction(const std::string& text, double& value) {
  const std::string padded = text + "," + std::string(kReadable, '9');
  const auto* begin = reinterpret_cast<const uint8_t*>(padded.data());
  return read_fraction(begin, begin + text.size(), value);
}

void expect_equals_strtod(const std::string& text) {
  double value = 0;
  if (!read(text, value)) return;
  const double expected = std::strtod(text.c_str(), nullptr);
  EXPECT_EQ(std::bit_cast<uint64_t>(value), std::bit_cast<uint64_t>(expected)) << text;
}

class Random {
 public:
  uint64_t below(uint64_t bound) {
    state_ = state_ * 6364136223846793005ull + 1442695040888963407ull;
    return (state_ >> 33) % bound;
  }
  std::string digits(uint64_t count) {
    std::string text;
    for (; count > 0; --count) text += static_cast<char>('0' + below(10));
    return text;
  }

 private:
  uint64_t state_ = 1;
};

TEST(ReadDecimal, LeavesEverythingElseToTheGeneralParser) {
  double value = 7;
  for (const char* text : {"", "-", ".5", "01", "-01", "1.", "1e5", "1.5e3", "1.5x", "1x", "NaN", "Infinity", "+1",
                           "--1", "1..2", "12345678901234567890", "0.12345678901234567890123456"}) {
    EXPECT_FALSE(read(text, value)) << text;
  }
  EXPECT_EQ(value, 7);
}

TEST(ReadDecimal, TakesPlainDecimals) {
  for (const char* text :
       {"0", "-0", "0.0", "-0.0", "1", "-1", "17", "3.25", "-0.1234567", "0.1", "255", "9007199254740993",
        "0.000000000000000001", "1234567890123456789", "123456789.0123456789", "99999999.99999999"}) {
    double value = 7;
    EXPECT_TRUE(read(text, value)) << text;
    expect_equals_strtod(text);
  }
}

TEST(ReadDecimal, EqualsStrtodOnRandomDigits) {
  Random random;
  for (int i = 0; i < 300000; ++i) {
    std::string text = random.below(2) ? "-" : "";
    const uint64_t whole = random.below(12);
    text += whole == 0 ? "0" : static_cast<char>('1' + random.below(9)) + random.digits(whole - 1);
    if (random.below(8)) text += "." + random.digits(1 + random.below(20));
    expect_equals_strtod(text);
  }
}

TEST(ReadDecimal, ReadsBackWhatPrintfWritesOfRandomFloats) {
  Random random;
  for (int i = 0; i < 100000; ++i) {
    const auto bits = static_cast<uint32_t>(random.below(1u << 31) << 1 | random.below(2));
    char text[64];
    std::snprintf(text, sizeof text, "%.9f", static_cast<double>(std::bit_cast<float>(bits)) * 1e-30);
    expect_equals_strtod(text);
  }
}

TEST(ReadFraction, EqualsStrtodOnRandomDigits) {
  Random random;
  for (int i = 0; i < 300000; ++i) {
    const std::string text =
        (random.below(2) ? "-" : "") + random.digits(1) + "." + random.digits(1 + random.below(14));
    double value = 7;
    ASSERT_TRUE(read_as_fraction(text, value)) << text;
    EXPECT_EQ(std::bit_cast<uint64_t>(value), std::bit_cast<uint64_t>(std::strtod(text.c_str(), nullptr))) << text;
  }
}

TEST(ReadFraction, LeavesEverythingElse) {
  double value = 7;
  for (const char* text : {"", "-", "5", "-5", "5.", "-5.", ".5", "-.5", "17.5", "1.5 ", " 1.5", "1.5e3", "1.2.3",
                           "x.5", "1.5x", "1,5", "1.12345678x", "0.1234567890123456", "NaN"}) {
    EXPECT_FALSE(read_as_fraction(text, value)) << text;
  }
  EXPECT_EQ(value, 7);
}

// Where the digits alone pass 2^53.
TEST(ReadFraction, TakesNoMantissaThatADoubleDoesNotHold) {
  double value = 7;
  EXPECT_TRUE(read_as_fraction("9.007199254740992", value));
  EXPECT_FALSE(read_as_fraction("9.007199254740993", value));
}

}  // namespace
}  // namespace ortserve
