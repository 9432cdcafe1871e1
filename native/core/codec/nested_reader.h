// SPDX-License-Identifier: Apache-2.0
// Nested JSON arrays into tensors.
#pragma once

#include <array>

#include "core/codec/tensor_builder.h"

namespace ortserve {

/// Reads arrays nested as the tensor is, and finds its shape in the same pass. One reader makes one tensor, from one
/// value or from one row after another. kInvalidInput: ragged nesting, or deeper than Shape::kMaxRank.
class NestedReader {
 public:
  NestedReader(const InputSpec& spec, BufferPool& pool, uint64_t max_elements) noexcept
      : builder_(spec, pool, max_elements, TensorBuilder::Bound::kLimit) {
    dims_.fill(kUnknown);
    builder_.accept_base64();
  }

  TensorBuilder& builder() noexcept { return builder_; }

  /// Reads the whole tensor from the value at the cursor.
  Status read_tensor(JsonCursor& cursor) { return read_value(cursor, 0); }
  /// Reads one more row: an element of dim 0, of the same shape as those before it.
  Status read_row(JsonCursor& cursor);
  /// Reads one more scalar of a row of named columns; `columns` of them make a row.
  Status read_column(JsonCursor& cursor, size_t columns);

  /// The tensor read so far. Scalars take the shape [n,1,...] where the model's rows have one element, and named
  /// columns the shape [n] where the input has one dim.
  Tensor finish();

 private:
  static constexpr int64_t kUnknown = -1;

  Status read_value(JsonCursor& cursor, size_t level);
  Status read_array(JsonCursor& cursor, size_t level);
  Status read_scalars(JsonCursor& cursor, size_t level);
  bool set_rank(size_t rank) noexcept {
    if (!rank_known_) rank_ = rank;
    rank_known_ = true;
    return rank_ == rank;
  }
  Status close(size_t level, int64_t count) {
    if (dims_[level] == kUnknown) dims_[level] = count;
    return dims_[level] == count ? Status() : uneven_count(level, count);
  }
  Status uneven_rank(size_t rank) const;
  Status uneven_count(size_t level, int64_t count) const;
  Status mixed() const;
  Status ragged(const std::string& how) const;

  TensorBuilder builder_;
  std::array<int64_t, Shape::kMaxRank> dims_;  // by level; known once an array of that level has ended
  size_t rank_ = 0;                            // known once a scalar was read
  bool rank_known_ = false;
  bool has_columns_ = false;  // filled by read_column()
  size_t deepest_ = 0;        // levels of arrays seen
  int64_t rows_ = 0;          // read by read_row()
};

/// Reads an array of any nesting as its scalars in order. Their number is not checked here, but by the builder's bound.
Status read_flattened(JsonCursor& cursor, TensorBuilder& builder);

}  // namespace ortserve
