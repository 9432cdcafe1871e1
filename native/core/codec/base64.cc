// SPDX-License-Identifier: Apache-2.0
#include "core/codec/base64.h"

#include <array>
#include <cstdint>

namespace ortserve {

namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr uint8_t kNone = 0xff;

constexpr std::array<uint8_t, 256> kValues = [] {
  std::array<uint8_t, 256> values{};
  values.fill(kNone);
  for (size_t i = 0; i < kAlphabet.size(); ++i)
    values[static_cast<unsigned char>(kAlphabet[i])] = static_cast<uint8_t>(i);
  return values;
}();

}  // namespace

char* base64_decode(std::string_view text, char* target) noexcept {
  if (text.size() % 4 == 0 && text.ends_with('=')) text.remove_suffix(text.ends_with("==") ? 2 : 1);
  if (text.size() % 4 == 1) return nullptr;
  uint32_t bits = 0;
  int count = 0;  // of bits that wait
  for (const char c : text) {
    const uint8_t value = kValues[static_cast<unsigned char>(c)];
    if (value == kNone) return nullptr;
    bits = bits << 6 | value;
    count += 6;
    if (count < 8) continue;
    count -= 8;
    *target++ = static_cast<char>(bits >> count & 0xff);
  }
  const bool clean = (bits & ((1u << count) - 1)) == 0;  // one text for each value: bits that say nothing must be 0
  return clean ? target : nullptr;
}

char* base64_encode(std::string_view bytes, char* target) noexcept {
  const auto at = [bytes](size_t i) -> uint32_t { return i < bytes.size() ? static_cast<unsigned char>(bytes[i]) : 0; };
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const uint32_t bits = at(i) << 16 | at(i + 1) << 8 | at(i + 2);
    *target++ = kAlphabet[bits >> 18];
    *target++ = kAlphabet[bits >> 12 & 63];
    *target++ = i + 1 < bytes.size() ? kAlphabet[bits >> 6 & 63] : '=';
    *target++ = i + 2 < bytes.size() ? kAlphabet[bits & 63] : '=';
  }
  return target;
}

std::optional<std::string_view> base64_object(JsonCursor cursor) noexcept {
  if (cursor.peek() != '{') return std::nullopt;
  cursor.advance();
  if (cursor.raw_string() != "b64") return std::nullopt;
  cursor.advance();
  if (cursor.peek() != ':') return std::nullopt;
  cursor.advance();
  const auto text = cursor.raw_string();
  cursor.advance();
  return cursor.peek() == '}' ? text : std::nullopt;
}

}  // namespace ortserve
