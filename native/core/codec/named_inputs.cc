// SPDX-License-Identifier: Apache-2.0
#include "core/codec/named_inputs.h"

#include <algorithm>
#include <span>
#include <string>

#include "core/nearest_name.h"

namespace ortserve {

NamedInputs::NamedInputs(const ModelSpec& spec, InputReaders& readers, Mode mode)
    : spec_(spec), readers_(readers), mode_(mode), inputs_(spec.inputs.size()) {
  for (size_t i = 0; i < spec.inputs.size(); ++i) {
    const auto input = static_cast<uint16_t>(i);
    inputs_[i].first_feature = slots_.size();
    const PreparedInput* const prepared = readers.prepared(i);
    const TabularPlan* const tabular = prepared ? prepared->tabular() : nullptr;
    if (tabular) {
      for (const TabularColumn& column : tabular->columns) slots_.push_back({column.name, input, true});
    } else {
      for (const std::string& name : spec.inputs[i].features) slots_.push_back({name, input, true});
    }
    // Under the name of an input comes the whole of it.
    if (mode == Mode::kColumns && shadows_input(inputs_[i].first_feature)) slots_.resize(inputs_[i].first_feature);
    inputs_[i].features = slots_.size() - inputs_[i].first_feature;
    inputs_[i].whole = slots_.size();
    slots_.push_back({spec.inputs[i].name, input, false});
  }
}

Status NamedInputs::take(std::string_view name, JsonCursor& cursor) {
  Slot* slot = find(name);
  if (!slot) return unknown(name);
  if (slot->generation == generation_) {
    return {Code::kInvalidJson, "duplicate key '" + std::string(name) + "' in the request JSON"};
  }
  slot->generation = generation_;
  if (!slot->is_feature) return read_whole(slot->input, cursor);
  if (mode_ == Mode::kColumns) return take_list(*slot, cursor);
  // Read in the order of the columns once all are known. A scalar is checked then.
  slot->value = cursor.mark();
  if (cursor.at_container() || cursor.at_end()) {
    return cursor.unexpected("a single value for feature '" + std::string(name) + "'", Code::kInvalidInput);
  }
  cursor.advance();
  return {};
}

Status NamedInputs::end_object(const JsonCursor& cursor) {
  for (size_t i = 0; i < inputs_.size(); ++i) {
    Input& input = inputs_[i];
    const auto first = slots_.begin() + static_cast<ptrdiff_t>(input.first_feature);
    const auto count = std::count_if(first, first + static_cast<ptrdiff_t>(input.features),
                                     [this](const Slot& slot) { return slot.generation == generation_; });
    const bool whole = filled(input.whole);
    if (whole && count > 0) {
      return {Code::kInvalidInput, "expected input '" + spec_.inputs[i].name + "' or its features, got both"};
    }
    PreparedInput* const prepared = readers_.prepared(i);
    const bool columns = !whole && input.features > 0 && prepared && prepared->tabular();
    const bool lists = mode_ == Mode::kColumns;
    const bool came = whole || count > 0 || (columns && !lists && !spec_.inputs[i].optional);
    if (lists && count > 0) {
      ORTSERVE_RETURN_IF_ERROR(read_rows(i, cursor));
    } else if (columns && came) {
      ORTSERVE_RETURN_IF_ERROR(read_columns(i, cursor));
    } else if (count > 0) {
      ORTSERVE_RETURN_IF_ERROR(read_features(i, cursor));
    }
    if (!came && !spec_.inputs[i].optional) return missing(i);
    if (generation_ == 1) input.came = came;
    if (came != input.came) {
      return {Code::kInvalidInput, "input '" + spec_.inputs[i].name +
                                       "' must be in all instances or in none: instance " +
                                       std::to_string(generation_ - 1) + " differs from instance 0"};
    }
  }
  ++generation_;
  return {};
}

Status NamedInputs::read_object(JsonCursor& cursor) {
  JsonObject object(cursor);
  while (object.next()) ORTSERVE_RETURN_IF_ERROR(take(object.key(), cursor));
  ORTSERVE_RETURN_IF_ERROR(object.status());
  return end_object(cursor);
}

NamedInputs::Slot* NamedInputs::find(std::string_view name) noexcept {
  for (size_t step = 0; step < slots_.size(); ++step) {
    const size_t i = (expected_ + step) % slots_.size();
    if (slots_[i].name != name) continue;
    expected_ = i + 1;
    return &slots_[i];
  }
  return nullptr;
}

bool NamedInputs::shadows_input(size_t first) const noexcept {
  return std::any_of(slots_.begin() + static_cast<ptrdiff_t>(first), slots_.end(),
                     [this](const Slot& slot) { return spec_.input_index(slot.name) >= 0; });
}

// Only counts the values: they are read row by row once all columns are known.
Status NamedInputs::take_list(Slot& slot, JsonCursor& cursor) {
  const auto of = [&slot] { return " for feature '" + std::string(slot.name) + "'"; };
  if (cursor.peek() != '[') return cursor.unexpected("a list of values" + of() + ", one per row", Code::kInvalidInput);
  JsonArray list(cursor);
  while (list.next()) {
    if (slot.rows == 0) slot.value = cursor.mark();
    if (cursor.at_container() || cursor.at_end()) {
      return cursor.unexpected("a single value" + of() + " in row " + std::to_string(slot.rows), Code::kInvalidInput);
    }
    cursor.advance();
    ++slot.rows;
  }
  if (list.status().ok() && slot.rows == 0)
    return {Code::kInvalidInput, "expected one value or more" + of() + ", got none"};
  return list.status();
}

// The lists of an input's features, all of one length.
Status NamedInputs::read_rows(size_t input, const JsonCursor& cursor) {
  const Input& of = inputs_[input];
  const std::span features(slots_.data() + of.first_feature, of.features);
  const auto came = [this](const Slot& slot) { return slot.generation == generation_; };
  const Slot& first = *std::ranges::find_if(features, came);
  for (const Slot& slot : features) {
    if (!came(slot) || slot.rows == first.rows) continue;
    return {Code::kInvalidInput, "expected as many values for feature '" + std::string(slot.name) + "' as for '" +
                                     std::string(first.name) + "', " + std::to_string(first.rows) + ", got " +
                                     std::to_string(slot.rows)};
  }
  PreparedInput* const prepared = readers_.prepared(input);
  for (uint32_t row = 0; row < first.rows; ++row) {
    ORTSERVE_RETURN_IF_ERROR(prepared && prepared->tabular() ? read_columns(input, cursor)
                                                             : read_features(input, cursor));
    for (Slot& slot : features) slot.value.token += 2;  // past the value and its comma
  }
  return {};
}

Status NamedInputs::read_whole(size_t input, JsonCursor& cursor) {
  PreparedInput* const prepared = readers_.prepared(input);
  if (prepared && !prepared->tabular() && (readers_.has_attachments() || !cursor.at_container())) {
    return read_media(*prepared, cursor);
  }
  NestedReader& reader = readers_.nested(input);
  if (reader.builder().elements() == 0) {
    ORTSERVE_RETURN_IF_ERROR(reader.builder().reserve(cursor.scalars_left() / inputs_.size()));
  }
  return mode_ == Mode::kRows ? reader.read_row(cursor) : reader.read_tensor(cursor);
}

// A media's number; several of them where the value is that of all rows.
Status NamedInputs::read_media(PreparedInput& prepared, JsonCursor& cursor) {
  return mode_ != Mode::kRows && cursor.peek() == '[' ? prepared.add_all(cursor) : prepared.add_media(cursor);
}

Status NamedInputs::read_columns(size_t input, const JsonCursor& cursor) {
  const Input& of = inputs_[input];
  columns_.assign(of.features, std::nullopt);
  for (size_t i = 0; i < of.features; ++i) {
    const size_t slot = of.first_feature + i;
    if (filled(slot)) columns_[i] = slots_[slot].value;
  }
  return readers_.prepared(input)->add_row(cursor, columns_);
}

Status NamedInputs::read_features(size_t input, JsonCursor cursor) {
  const Input& of = inputs_[input];
  for (size_t i = of.first_feature; i < of.first_feature + of.features; ++i) {
    if (!filled(i)) {
      return {Code::kInvalidInput, "missing feature '" + std::string(slots_[i].name) + "' of input '" +
                                       spec_.inputs[input].name + "': expected all " + std::to_string(of.features) +
                                       " features"};
    }
    cursor.seek(slots_[i].value);
    ORTSERVE_RETURN_IF_ERROR(readers_.nested(input).read_column(cursor, of.features));
  }
  return {};
}

Status NamedInputs::missing(size_t input) const {
  const InputSpec& spec = spec_.inputs[input];
  std::string message = "missing input '" + spec.name + "' for model '" + spec_.name + "': expected " +
                        std::string(dtype_name(spec.dtype)) + " " + spec.dims.to_string();
  if (!spec.features.empty()) {
    message += ", or its features, from '" + spec.features[0] + "' on";
  }
  return {Code::kInvalidInput, std::move(message)};
}

Status NamedInputs::unknown(std::string_view name) const {
  NearestName nearest(name);
  for (const Slot& slot : slots_) nearest.offer(slot.name);
  return {Code::kInvalidInput, "unexpected name '" + std::string(name.substr(0, 80)) + "' for model '" + spec_.name +
                                   "'" + nearest.question()};
}

}  // namespace ortserve
