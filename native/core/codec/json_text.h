// SPDX-License-Identifier: Apache-2.0
// JSON text after simdjson's first stage: UTF-8 checked, and the place of every token known.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/status.h"

namespace ortserve {

/// The structural index of one JSON text: the offset of every `{ } [ ] : ,`, of the opening quote of every string and
/// of the first byte of every other scalar, ascending. simdjson's DOM and On-Demand are two readers of this index; ours
/// is a third one, which writes tensors, may jump back to a token and knows how many scalars are left without a look at
/// them. The index belongs to the calling thread: one JsonText per thread at a time.
class JsonText {
 public:
  /// Indexes `bytes`, which kJsonPadding readable bytes follow and which must outlive the JsonText.
  /// kInvalidJson: empty, not UTF-8, an unclosed string or a raw control character in one. kLimitExceeded: over 4 GiB.
  static Result<JsonText> index(std::string_view bytes);

  JsonText(JsonText&& other) noexcept;
  JsonText& operator=(JsonText&&) = delete;
  ~JsonText();  ///< gives an unusually large index back to the system

  std::string_view bytes() const noexcept { return bytes_; }
  uint32_t tokens() const noexcept { return tokens_; }  ///< at least 1
  /// Offset of each token; one more entry holds the length of the text.
  const uint32_t* offsets() const noexcept { return offsets_; }
  char token(uint32_t i) const noexcept { return bytes_[offsets_[i]]; }

  /// Writes the string that starts after the quote at `raw` to `target`, which has room for the raw length and
  /// kJsonPadding bytes. Returns the end, or nullptr for a wrong escape or half of a surrogate pair.
  static char* unescape(const char* raw, char* target) noexcept;

  /// Bytes of text that the calling thread's index has room for now; about four times as many bytes of memory.
  static size_t thread_capacity() noexcept;

 private:
  JsonText(std::string_view bytes, const uint32_t* offsets, uint32_t tokens) noexcept
      : bytes_(bytes), offsets_(offsets), tokens_(tokens) {}

  std::string_view bytes_;
  const uint32_t* offsets_;
  uint32_t tokens_;
};

}  // namespace ortserve
