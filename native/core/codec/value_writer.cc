// SPDX-License-Identifier: Apache-2.0
#include "core/codec/value_writer.h"

#include <simdjson.h>

#include <string>

namespace ortserve {

namespace {

constexpr size_t kBrackets = 4;  // "[]" or "{}", and a comma and a colon around

Result<size_t> map_bound(std::string_view name, const Value& map) {
  for (const Tensor* part : {map.keys.get(), &map.tensor}) {
    Status status = check_utf8(name, *part);
    if (!status.ok()) return status;
  }
  // Two quotes and a colon come on top of each key.
  const size_t keys = saturating_add(elements_bound(*map.keys), 3 * static_cast<size_t>(map.keys->elements()));
  return saturating_add(saturating_add(keys, elements_bound(map.tensor)), kBrackets);
}

void write_map(JsonWriter& writer, const Value& map) noexcept {
  writer.put('{');
  for (int64_t i = 0; i < map.keys->elements(); ++i) {
    if (i) writer.put(',');
    const bool quoted = map.keys->dtype == DType::kString;
    if (!quoted) writer.put('"');
    writer.elements(*map.keys, i, 1);
    if (!quoted) writer.put('"');
    writer.put(':');
    writer.elements(map.tensor, i, 1);
  }
  writer.put('}');
}

}  // namespace

Result<size_t> value_bound(std::string_view name, const Value& value) {
  if (value.kind == Value::Kind::kMap) return map_bound(name, value);
  if (value.kind == Value::Kind::kTensor) {
    Status status = check_utf8(name, value.tensor);
    if (!status.ok()) return status;
    return saturating_add(nested_bound(value.tensor), kBrackets);
  }
  size_t bound = kBrackets;
  for (const Value& item : value.items) {
    auto more = value_bound(name, item);
    if (!more.ok()) return more;
    bound = saturating_add(bound, *more);
  }
  return bound;
}

Status check_utf8(std::string_view name, const Tensor& tensor) {
  if (tensor.dtype != DType::kString) return {};
  for (int64_t i = 0; i < tensor.elements(); ++i) {
    const std::string_view text = tensor.string_at(i);
    if (simdjson::validate_utf8(text.data(), text.size())) continue;
    return {Code::kUnsupported, "output '" + std::string(name) + "' holds bytes that are not UTF-8 text (element " +
                                    std::to_string(i) +
                                    "), which JSON cannot carry: please ask for it as binary data (Open Inference "
                                    "Protocol, \"binary_data\": true)"};
  }
  return {};
}

void write_value(JsonWriter& writer, const Value& value) noexcept {
  switch (value.kind) {
    case Value::Kind::kTensor:
      return writer.nested(value.tensor, 0, value.tensor.shape.dims());
    case Value::Kind::kMap:
      return write_map(writer, value);
    case Value::Kind::kSequence:
      writer.put('[');
      for (size_t i = 0; i < value.items.size(); ++i) {
        if (i) writer.put(',');
        write_value(writer, value.items[i]);
      }
      writer.put(']');
      return;
  }
}

void write_row(JsonWriter& writer, const Value& value, int64_t row) noexcept {
  if (value.kind == Value::Kind::kSequence) return write_value(writer, value.items[static_cast<size_t>(row)]);
  const int64_t stride = value.tensor.shape.row_elements().value_or(0);
  writer.nested(value.tensor, row * stride, value.tensor.shape.dims().subspan(1));
}

bool has_rows(const Value& value, int64_t rows) noexcept {
  switch (value.kind) {
    case Value::Kind::kTensor:
      return value.tensor.shape.rank() > 0 && value.tensor.shape[0] == rows;
    case Value::Kind::kSequence:
      return static_cast<int64_t>(value.items.size()) == rows;
    case Value::Kind::kMap:
      return false;
  }
  return false;
}

}  // namespace ortserve
