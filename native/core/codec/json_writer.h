// SPDX-License-Identifier: Apache-2.0
// Writes JSON into memory that is known to be large enough.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "core/tensor.h"

namespace ortserve {

/// Appends JSON text. Nothing is checked on the way: the caller has room for the bounds below.
class JsonWriter {
 public:
  explicit JsonWriter(char* target) noexcept : at_(target) {}

  char* end() const noexcept { return at_; }

  void text(std::string_view raw) noexcept;  ///< as it is
  void put(char c) noexcept { *at_++ = c; }
  void string(std::string_view value) noexcept;  ///< in quotes, escaped; `value` is UTF-8
  void base64(std::string_view bytes) noexcept;  ///< without quotes
  void integer(int64_t value) noexcept;
  /// Elements [begin, begin + count) of `tensor`, separated by commas.
  void elements(const Tensor& tensor, int64_t begin, int64_t count) noexcept;
  /// The part of `tensor` that starts at element `begin` and has the dims `dims`, as nested arrays; a scalar for no
  /// dims.
  void nested(const Tensor& tensor, int64_t begin, std::span<const int64_t> dims) noexcept;
  /// "NAME":
  void key(std::string_view name) noexcept;

 private:
  template <typename T>
  void numbers(const T* values, int64_t count) noexcept;

  char* at_;
};

/// Most bytes that JsonWriter::string() writes.
constexpr size_t string_bound(std::string_view value) noexcept {
  return 6 * value.size() + 2;
}
/// Most bytes of one element with the comma after it; 0 for kString.
size_t element_bound(DType dtype) noexcept;
/// Most bytes that all elements of `tensor` take, without brackets. SIZE_MAX: beyond counting.
size_t elements_bound(const Tensor& tensor) noexcept;
/// As elements_bound(), with the brackets of JsonWriter::nested() over all its dims.
size_t nested_bound(const Tensor& tensor) noexcept;
/// The sum, or SIZE_MAX when it overflows.
size_t saturating_add(size_t a, size_t b) noexcept;

}  // namespace ortserve
