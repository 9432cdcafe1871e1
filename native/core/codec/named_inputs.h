// SPDX-License-Identifier: Apache-2.0
// JSON objects whose keys name a model's inputs, or the features that are the columns of an input.
#pragma once

#include <string>
#include <vector>

#include "core/codec/input_readers.h"

namespace ortserve {

/// Distributes the members of one object after another to the readers of the inputs.
class NamedInputs {
 public:
  enum class Mode : uint8_t {
    kRows,     ///< each object is one row of every input
    kWhole,    ///< one object, whose values are whole inputs; features allowed
    kColumns,  ///< one object, whose values are whole inputs, or lists of a feature's values, one per row
  };

  /// `readers`: those of `spec`. Both outlive this.
  NamedInputs(const ModelSpec& spec, InputReaders& readers, Mode mode);

  bool knows(std::string_view name) noexcept { return find(name) != nullptr; }

  /// Takes the member `name`, whose value the cursor stands at, and goes past it. kInvalidJson: a second one of that
  /// name. kInvalidInput: no such input or feature, a wrong value.
  Status take(std::string_view name, JsonCursor& cursor);
  /// Ends an object. kInvalidInput: something is missing, or is there in one object and not in the first.
  Status end_object(const JsonCursor& cursor);
  /// take() for every member of the object at the cursor, then end_object().
  Status read_object(JsonCursor& cursor);

  /// Whether input `i` came.
  bool has(size_t i) const noexcept { return inputs_[i].came; }

 private:
  struct Slot {
    std::string_view name;
    uint16_t input;
    bool is_feature;
    uint32_t generation = 0;   // the object that last filled it
    JsonCursor::Mark value{};  // where it stands; of a list, the value of the row that is read
    uint32_t rows = 0;         // values in the list
  };
  struct Input {
    size_t first_feature = 0;  // its features' slots follow each other
    size_t features = 0;
    size_t whole = 0;  // slot of the input's own name
    bool came = false;
  };

  Slot* find(std::string_view name) noexcept;
  bool filled(size_t slot) const noexcept { return slots_[slot].generation == generation_; }
  Status read_whole(size_t input, JsonCursor& cursor);
  Status take_list(Slot& slot, JsonCursor& cursor);
  Status read_rows(size_t input, const JsonCursor& cursor);
  bool shadows_input(size_t first) const noexcept;
  Status read_features(size_t input, JsonCursor cursor);
  Status read_columns(size_t input, const JsonCursor& cursor);
  Status read_media(PreparedInput& prepared, JsonCursor& cursor);
  Status missing(size_t input) const;
  Status unknown(std::string_view name) const;

  const ModelSpec& spec_;
  InputReaders& readers_;
  Mode mode_;
  std::vector<Slot> slots_;
  std::vector<Input> inputs_;
  uint32_t generation_ = 1;                               // counts objects
  std::vector<std::optional<JsonCursor::Mark>> columns_;  // scratch of read_columns()
  size_t expected_ = 0;                                   // slot after the one found last: keys mostly come in order
};

}  // namespace ortserve
