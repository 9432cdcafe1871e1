// SPDX-License-Identifier: Apache-2.0
// Base64 of RFC 4648, and the JSON object {"b64": "..."} in which bytes that are not text travel.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "core/codec/json_cursor.h"

namespace ortserve {

/// Bytes that base64_decode() may write for `size` characters.
constexpr size_t base64_decoded_bound(size_t size) noexcept {
  return size / 4 * 3 + 3;
}
/// Characters that base64_encode() writes for `size` bytes.
constexpr size_t base64_encoded_size(size_t size) noexcept {
  return (size + 2) / 3 * 4;
}

/// Writes the bytes that `text` stands for; returns the end. nullptr: not base64 in the standard alphabet, with its
/// padding or without any.
char* base64_decode(std::string_view text, char* target) noexcept;
/// Writes `bytes` with padding; returns the end.
char* base64_encode(std::string_view bytes, char* target) noexcept;

/// The raw text (see JsonCursor::raw_string) of `TEXT` where the cursor stands at {"b64": TEXT}, an object of
/// kBase64Tokens tokens.
std::optional<std::string_view> base64_object(JsonCursor cursor) noexcept;
inline constexpr int kBase64Tokens = 5;

}  // namespace ortserve
