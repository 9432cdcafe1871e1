// SPDX-License-Identifier: Apache-2.0
// Writes JSON scalars straight into the memory that becomes a tensor.
#pragma once

#include <cstdint>
#include <vector>

#include "core/codec/json_cursor.h"
#include "core/model_spec.h"
#include "core/tensor.h"

namespace ortserve {

/// Collects the elements of one input. Its memory grows with what was read, never ahead of the text, so that a short
/// body cannot ask for much.
class TensorBuilder {
 public:
  /// What `max_elements` is: a limit (more is kLimitExceeded), or what a declared shape holds (more is kInvalidInput).
  enum class Bound : uint8_t { kLimit, kDeclared };

  /// `spec` and `pool` outlive the builder.
  TensorBuilder(const InputSpec& spec, BufferPool& pool, uint64_t max_elements, Bound bound) noexcept
      : spec_(&spec), pool_(&pool), max_elements_(max_elements), bound_(bound) {}

  /// From now on a BYTES element may also be {"b64": "..."}.
  void accept_base64() noexcept { base64_ = true; }

  const InputSpec& spec() const noexcept { return *spec_; }
  uint64_t elements() const noexcept { return elements_; }

  /// Room for `elements` numbers; a hint for strings. kOutOfMemory.
  Status reserve(uint64_t elements);
  /// Reads the scalar at the cursor and goes past it. kInvalidInput: not one of the input's datatype.
  Status read_one(JsonCursor& cursor);
  /// Reads scalars until the ']' that ends their array, or a '[' among them, where the cursor then stands.
  Status read_run(JsonCursor& cursor);

  /// Reads as many ",[a,b,...]" of `width` numbers each as follow at the cursor, in one go, and returns how many. Stops
  /// before whatever needs a closer look, which may as well be right as wrong.
  int64_t read_more_rows(JsonCursor& cursor, int64_t width) noexcept;

  /// What was read, as a tensor of `shape`, which has elements() elements.
  Tensor finish(const Shape& shape);

 private:
  template <typename T>
  Status read_numbers(JsonCursor& cursor, bool one);
  template <typename T>
  int64_t read_number_rows(JsonCursor& cursor, int64_t width) noexcept;
  Status read_strings(JsonCursor& cursor, bool one);
  Status read(JsonCursor& cursor, bool one);
  Status append_string(JsonCursor& cursor);
  Status append_base64(JsonCursor& cursor, std::string_view raw);
  Status make_room(size_t bytes);
  Status wrong_element(const JsonCursor& cursor) const;
  Status too_many() const;

  const InputSpec* spec_;
  BufferPool* pool_;
  uint64_t max_elements_;
  Bound bound_;
  bool base64_ = false;
  uint64_t elements_ = 0;
  Buffer buffer_;
  size_t used_ = 0;  // bytes of buffer_
  std::vector<uint64_t> offsets_;
};

}  // namespace ortserve
