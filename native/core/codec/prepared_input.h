// SPDX-License-Identifier: Apache-2.0
// Fills an input from what its plan takes, value by value, straight into the tensor.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/buffer_pool.h"
#include "core/codec/json_cursor.h"
#include "core/model_spec.h"

namespace ortserve {

/// A decoded image or sound that came beside the JSON, which names it by its number.
struct Attachment {
  Buffer data;           ///< UINT8 pixels, interleaved, or INT16 samples, interleaved
  int64_t width = 0;     ///< pixels, or samples of one channel
  int64_t height = 0;    ///< pixels; 0: sound
  int64_t channels = 0;  ///< of either
};

/// Reads one input with a plan, row after row. Memory grows with what was read.
class PreparedInput {
 public:
  using Mark = JsonCursor::Mark;

  /// `spec` has a plan; everything outlives this. `first_attachment`: the number of the first of `attachments`.
  PreparedInput(const InputSpec& spec, bool batched, BufferPool& pool, uint64_t max_elements,
                std::span<const Attachment> attachments, uint64_t first_attachment)
      : spec_(spec),
        batched_(batched),
        pool_(pool),
        max_elements_(max_elements),
        attachments_(attachments),
        first_attachment_(first_attachment) {}

  /// The columns, where the input is made of named ones; else null.
  const TabularPlan* tabular() const noexcept { return std::get_if<TabularPlan>(spec_.plan.get()); }
  bool is_used() const noexcept { return rows_ > 0; }

  /// A row of columns: `values[i]` is where column i stands, nullopt: it did not come. kInvalidInput names the column,
  /// what was expected and what came.
  Status add_row(JsonCursor cursor, std::span<const std::optional<Mark>> values);
  /// A row whose values stand in an array, in the order of the columns.
  Status add_list(JsonCursor& cursor);
  /// An image or a sound of the attachments, whose number the cursor stands at and goes past.
  Status add_media(JsonCursor& cursor);
  /// All rows that stand in an array: add_list() or add_media() for each.
  Status add_all(JsonCursor& cursor);

  /// What was read. kInvalidInput: more than one row where the model does not batch.
  Result<Tensor> finish();

 private:
  Status add_column(JsonCursor& cursor, const TabularColumn& column, std::optional<Mark> value, std::byte* target);
  Status add_number(JsonCursor& cursor, const TabularColumn& column, bool came, std::byte* target);
  Status add_category(JsonCursor& cursor, const TabularColumn& column, bool came, std::byte* target);
  Status add_image(const ImagePlan& plan, const Attachment& image);
  Status add_sound(const AudioPlan& plan, const Attachment& sound);
  Status set_row(const Shape& row);
  Result<std::byte*> next_row();
  bool write(double value, std::byte* target) const noexcept;
  Status wrong(const TabularColumn& column, const std::string& expected, const std::string& got) const;
  std::string place() const;

  const InputSpec& spec_;
  const bool batched_;
  BufferPool& pool_;
  const uint64_t max_elements_;
  const std::span<const Attachment> attachments_;
  const uint64_t first_attachment_;
  Buffer buffer_;
  Shape row_;  // dims of one row
  size_t row_bytes_ = 0;
  int64_t rows_ = 0;
  std::vector<std::optional<Mark>> listed_;  // scratch of add_list()
};

}  // namespace ortserve
