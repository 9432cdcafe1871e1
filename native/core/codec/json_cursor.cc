// SPDX-License-Identifier: Apache-2.0
#include "core/codec/json_cursor.h"

#include <algorithm>

#include "core/codec/json_scalar.h"

namespace ortserve {

namespace {

constexpr size_t kMostDepth = 1000;  // the readers recurse: a bound on the stack, whatever the configuration says
constexpr size_t kMostQuoted = 40;   // bytes of the request that a message repeats

bool is_space(char c) noexcept {
  return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

std::string clipped(std::string_view text) {
  if (text.size() <= kMostQuoted) return std::string(text);
  size_t end = kMostQuoted;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;  // not inside a character
  return std::string(text.substr(0, end)) + "...";
}

}  // namespace

JsonCursor::JsonCursor(const JsonText& text, size_t max_depth) noexcept
    : bytes_(text.bytes().data()),
      offsets_(text.offsets()),
      tokens_(text.tokens()),
      max_depth_(static_cast<uint32_t>(std::min(max_depth, kMostDepth))) {}

Result<JsonCursor> JsonCursor::create(const JsonText& text, size_t max_depth) {
  const JsonCursor cursor(text, max_depth);
  if (cursor.peek() != '{') return cursor.unexpected("a JSON object");
  if (text.token(text.tokens() - 1) != '}') {
    return {Code::kInvalidJson,
            "the request JSON is cut short, or something else follows it: it does not end with '}'"};
  }
  return cursor;
}

JsonCursor JsonCursor::anywhere(const JsonText& text, uint32_t i) noexcept {
  JsonCursor cursor(text, 0);
  cursor.token_ = i;
  return cursor;
}

std::string_view JsonCursor::token_text() const noexcept {
  const char* begin = token();
  const char* end = bytes_ + offsets_[token_ + 1];
  while (end > begin && is_space(end[-1])) --end;
  return {begin, static_cast<size_t>(end - begin)};
}

std::optional<std::string_view> JsonCursor::raw_string() const noexcept {
  if (peek() != '"') return std::nullopt;
  const std::string_view text = token_text();
  if (text.size() < 2 || text.back() != '"') return std::nullopt;
  return text.substr(1, text.size() - 2);
}

Status JsonCursor::too_deep() const {
  return {Code::kLimitExceeded,
          "JSON nesting depth exceeds maximum allowed limit (" + std::to_string(max_depth_) + ")"};
}

Status JsonCursor::skip_value() {
  if (peek() == '{') {
    JsonObject object(*this);
    while (object.next()) ORTSERVE_RETURN_IF_ERROR(skip_value());
    return object.status();
  }
  if (peek() == '[') {
    JsonArray array(*this);
    while (array.next()) ORTSERVE_RETURN_IF_ERROR(skip_value());
    return array.status();
  }
  if (!is_scalar(*this)) return unexpected("a value");
  advance();
  return {};
}

Status JsonCursor::unexpected(std::string_view wanted, Code code) const {
  std::string message = "expected " + std::string(wanted) + " at byte ";
  message += std::to_string(at_end() ? offsets_[tokens_] : offsets_[token_]) + " of the request JSON, got ";
  return {code, message + describe()};
}

std::string JsonCursor::describe() const {
  switch (peek()) {
    case '\0':
      return "its end";
    case '{':
      return "an object";
    case '[':
      return "an array";
    case '"':
      return "the string " + clipped(token_text());
    case ',':
    case ':':
    case ']':
    case '}':
      return std::string("'") + peek() + "'";
    default:
      return clipped(token_text());
  }
}

JsonArray::JsonArray(JsonCursor& cursor) : cursor_(cursor) {
  status_ = cursor.peek() == '[' ? cursor.enter() : cursor.unexpected("an array");
}

bool JsonArray::next() {
  if (!status_.ok()) return false;
  if (cursor_.peek() == ']') {
    cursor_.leave();
    return false;
  }
  if (first_) {
    first_ = false;
    return true;
  }
  if (cursor_.peek() == ',') {
    cursor_.advance();
    if (cursor_.peek() != ']') return true;
    status_ = cursor_.unexpected("a value");
    return false;
  }
  status_ = cursor_.unexpected("',' or ']'");
  return false;
}

JsonObject::JsonObject(JsonCursor& cursor) : cursor_(cursor) {
  status_ = cursor.peek() == '{' ? cursor.enter() : cursor.unexpected("an object");
}

bool JsonObject::next() {
  if (!status_.ok()) return false;
  if (cursor_.peek() == '}') {
    cursor_.leave();
    return false;
  }
  if (!first_) {
    if (cursor_.peek() != ',') {
      status_ = cursor_.unexpected("',' or '}'");
      return false;
    }
    cursor_.advance();
  }
  first_ = false;
  return read_key();
}

bool JsonObject::read_key() {
  const auto raw = cursor_.raw_string();
  if (!raw || !read_raw_string(*raw, unescaped_, key_)) {
    status_ = cursor_.unexpected("a name in quotes");
    return false;
  }
  cursor_.advance();
  if (cursor_.peek() != ':') {
    status_ = cursor_.unexpected("':'");
    return false;
  }
  cursor_.advance();
  return true;
}

}  // namespace ortserve
