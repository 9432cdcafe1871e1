// SPDX-License-Identifier: Apache-2.0
#include "core/codec/json_scalar.h"

#include "core/codec/body.h"
#include "core/codec/json_element.h"

namespace ortserve {

namespace {

Status wrong_field(const JsonCursor& cursor, std::string_view field, std::string_view wanted) {
  const Status found = cursor.unexpected(wanted);
  return {Code::kInvalidJson, "Unable to parse '" + std::string(field) + "': " + found.message()};
}

}  // namespace

bool is_scalar(const JsonCursor& cursor) noexcept {
  switch (cursor.peek()) {
    case '\0':
      return false;
    case '"':
      return cursor.raw_string().has_value();
    case 't':
    case 'f':
    case 'n': {
      const std::string_view token = cursor.token_text();
      return token == "true" || token == "false" || token == "null";
    }
    default: {
      double number;
      return read_number(cursor.token(), cursor.next_token(), number) || special_number(cursor.token_text());
    }
  }
}

bool is_null(const JsonCursor& cursor) noexcept {
  return cursor.peek() == 'n' && cursor.token_text() == "null";
}

bool read_raw_string(std::string_view raw, std::string& unescaped, std::string_view& text) {
  if (raw.find('\\') == std::string_view::npos) {
    text = raw;
    return true;
  }
  unescaped.resize(raw.size() + kJsonPadding);
  const char* end = JsonText::unescape(raw.data(), unescaped.data());
  if (!end) return false;
  text = {unescaped.data(), static_cast<size_t>(end - unescaped.data())};
  return true;
}

Status read_string(JsonCursor& cursor, std::string_view field, std::string& value) {
  const auto raw = cursor.raw_string();
  std::string unescaped;
  std::string_view text;
  if (!raw || !read_raw_string(*raw, unescaped, text)) return wrong_field(cursor, field, "a string");
  value = text;
  cursor.advance();
  return {};
}

Status read_bool(JsonCursor& cursor, std::string_view field, bool& value) {
  if (cursor.at_end() || !read_token(cursor.token_text(), value)) return wrong_field(cursor, field, "true or false");
  cursor.advance();
  return {};
}

Status read_uint64(JsonCursor& cursor, std::string_view field, uint64_t& value) {
  if (cursor.at_end() || !read_number(cursor.token(), cursor.next_token(), value)) {
    return wrong_field(cursor, field, "an unsigned integer");
  }
  cursor.advance();
  return {};
}

Status once(bool& seen, std::string_view key) {
  if (seen) return {Code::kInvalidJson, "duplicate key '" + std::string(key) + "' in the request JSON"};
  seen = true;
  return {};
}

Status missing_member(std::string_view key) {
  const std::string name(key);
  return {Code::kInvalidJson,
          "Unable to parse '" + name + "': attempt to access non-existing object member '" + name + "'"};
}

}  // namespace ortserve
