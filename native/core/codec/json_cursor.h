// SPDX-License-Identifier: Apache-2.0
// Walks the tokens of a JsonText, checking the grammar on the way.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/codec/json_text.h"

namespace ortserve {

/// A place in a JsonText. Cheap to copy; a copy walks on its own. Whatever the text holds, it never leaves it: the last
/// token of the text is '}' (see create()), and nothing but a '}' may come last.
class JsonCursor {
 public:
  /// A place to come back to.
  struct Mark {
    uint32_t token = 0;
    uint32_t depth = 0;
  };

  /// At the first token. kInvalidJson when `text` does not start with '{' and end with '}'.
  static Result<JsonCursor> create(const JsonText& text, size_t max_depth);
  /// At token `i` of text that may be anything. For raw_string() and what builds on it.
  static JsonCursor anywhere(const JsonText& text, uint32_t i) noexcept;

  char peek() const noexcept { return token_ < tokens_ ? bytes_[offsets_[token_]] : '\0'; }
  bool at_container() const noexcept { return peek() == '[' || peek() == '{'; }
  bool at_end() const noexcept { return token_ >= tokens_; }
  /// Start of the current token. Numbers end before the end of the text; strings start at their quote.
  const char* token() const noexcept { return bytes_ + offsets_[token_]; }
  /// Start of the token after the current one, or the end of the text.
  const char* next_token() const noexcept { return bytes_ + offsets_[token_ + 1]; }
  void advance() noexcept { ++token_; }

  Mark mark() const noexcept { return {token_, depth_}; }
  void seek(Mark mark) noexcept {
    token_ = mark.token;
    depth_ = mark.depth;
  }

  /// The current token up to the next one, without the white space between.
  std::string_view token_text() const noexcept;
  /// What stands between the quotes, escapes and all; nullopt when the current token is not a well-formed string.
  std::optional<std::string_view> raw_string() const noexcept;
  /// No more scalars than this are left in the text: each but the last token is followed by punctuation.
  uint64_t scalars_left() const noexcept { return (tokens_ - token_) / 2; }

  /// Checks a whole value of any kind and goes past it.
  Status skip_value();
  /// Goes into a '[' or '{' / past its end. kLimitExceeded beyond the depth limit.
  Status enter() {
    if (depth_ == max_depth_) return too_deep();
    ++depth_;
    ++token_;
    return {};
  }
  void leave() noexcept {
    ++token_;
    --depth_;
  }

  /// "expected WANTED at byte 17, got 'x'"
  Status unexpected(std::string_view wanted, Code code = Code::kInvalidJson) const;
  /// The current token in words that fit a message: "an object", "a string", "1.5".
  std::string describe() const;

 private:
  JsonCursor(const JsonText& text, size_t max_depth) noexcept;
  Status too_deep() const;

  const char* bytes_;
  const uint32_t* offsets_;
  uint32_t tokens_;
  uint32_t token_ = 0;
  uint32_t depth_ = 0;
  uint32_t max_depth_;
};

/// Visits the elements of an array: `while (array.next()) { read or skip the value }`, then status().
class JsonArray {
 public:
  explicit JsonArray(JsonCursor& cursor);  ///< the cursor stands at '[', or status() says what it stands at
  /// True: the cursor stands at the next value. False: it stands behind the ']', or status() is an error.
  bool next();
  const Status& status() const noexcept { return status_; }

 private:
  JsonCursor& cursor_;
  bool first_ = true;
  Status status_;
};

/// Visits the members of an object, as JsonArray does.
class JsonObject {
 public:
  explicit JsonObject(JsonCursor& cursor);
  bool next();
  /// The current member's name. Valid until next().
  std::string_view key() const noexcept { return key_; }
  const Status& status() const noexcept { return status_; }

 private:
  bool read_key();

  JsonCursor& cursor_;
  bool first_ = true;
  std::string_view key_;
  std::string unescaped_;
  Status status_;
};

}  // namespace ortserve
