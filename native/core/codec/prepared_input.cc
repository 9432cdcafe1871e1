// SPDX-License-Identifier: Apache-2.0
#include "core/codec/prepared_input.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <utility>

#include "core/codec/json_element.h"
#include "core/codec/json_scalar.h"
#include "core/nearest_name.h"
#include "core/transform/convert.h"

namespace ortserve {

namespace {

std::string number_text(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.9g", value);
  return text;
}

std::string side_text(int64_t pixels) {
  return pixels == 0 ? "any" : std::to_string(pixels);
}

std::string range_text(const TabularColumn& column) {
  const bool low = std::isfinite(column.low), high = std::isfinite(column.high);
  if (low && high) return "a number from " + number_text(column.low) + " to " + number_text(column.high);
  if (low) return "a number of at least " + number_text(column.low);
  if (high) return "a number of at most " + number_text(column.high);
  return column.allow_nan ? "a number" : "a finite number";
}

// A number, or a boolean as 1 and 0.
bool read_value(const JsonCursor& cursor, double& value) noexcept {
  if (read_number(cursor.token(), cursor.next_token(), value) || read_token(cursor.token_text(), value)) return true;
  bool flag = false;
  if (!read_token(cursor.token_text(), flag)) return false;
  value = flag ? 1 : 0;
  return true;
}

}  // namespace

Status PreparedInput::add_row(JsonCursor cursor, std::span<const std::optional<Mark>> values) {
  const TabularPlan& plan = *tabular();
  if (rows_ == 0) {
    Shape row = spec_.dims.rank() < 2 && spec_.dims.rank() == (batched_ ? 1u : 0u)
                    ? Shape{}
                    : Shape{static_cast<int64_t>(plan.width)};
    ORTSERVE_RETURN_IF_ERROR(set_row(row));
  }
  auto target = next_row();
  if (!target.ok()) return target.take_status();
  std::byte* at = *target;
  for (size_t i = 0; i < plan.columns.size(); ++i) {
    const TabularColumn& column = plan.columns[i];
    ORTSERVE_RETURN_IF_ERROR(add_column(cursor, column, values[i], at));
    at += column.width() * dtype_size(spec_.dtype);
  }
  ++rows_;
  return {};
}

Status PreparedInput::add_list(JsonCursor& cursor) {
  const auto& columns = tabular()->columns;
  listed_.clear();
  JsonArray list(cursor);
  while (list.next()) {
    if (cursor.at_container() || cursor.at_end()) return cursor.unexpected("a single value", Code::kInvalidInput);
    if (listed_.size() <= columns.size()) listed_.push_back(cursor.mark());
    cursor.advance();
  }
  ORTSERVE_RETURN_IF_ERROR(list.status());
  if (listed_.size() == columns.size()) return add_row(cursor, listed_);
  std::string names;
  for (const TabularColumn& column : columns) names += (names.empty() ? "" : ", ") + column.name;
  return {Code::kInvalidInput, "expected " + std::to_string(columns.size()) + " values for input '" + spec_.name +
                                   "' (" + names + ")" + place() + ", got " +
                                   (listed_.size() > columns.size() ? "more" : std::to_string(listed_.size()))};
}

Status PreparedInput::add_media(JsonCursor& cursor) {
  uint64_t number = 0;
  const bool is_image = std::holds_alternative<ImagePlan>(*spec_.plan);
  const char* const kind = is_image ? "an image" : "sound";
  const bool is_number = !cursor.at_end() && read_number(cursor.token(), cursor.next_token(), number);
  const uint64_t index = number - first_attachment_;  // of a smaller number: a very large one
  if (!is_number || index >= attachments_.size()) {
    return cursor.unexpected(
        std::string(kind) + R"( ({"b64": "..."}, a data URL or base64 text) for input ')" + spec_.name + "'" + place(),
        Code::kInvalidInput);
  }
  cursor.advance();
  const Attachment& attachment = attachments_[index];
  if ((attachment.height > 0) != is_image) {
    return {Code::kInvalidInput, "expected " + std::string(kind) + " for input '" + spec_.name + "'" + place()};
  }
  return is_image ? add_image(std::get<ImagePlan>(*spec_.plan), attachment)
                  : add_sound(std::get<AudioPlan>(*spec_.plan), attachment);
}

Status PreparedInput::add_all(JsonCursor& cursor) {
  JsonArray rows(cursor);
  while (rows.next()) ORTSERVE_RETURN_IF_ERROR(tabular() ? add_list(cursor) : add_media(cursor));
  return rows.status();
}

Result<Tensor> PreparedInput::finish() {
  Tensor tensor;
  tensor.dtype = spec_.dtype;
  if (batched_) {
    tensor.shape.push_back(rows_);
  } else if (rows_ > 1 && spec_.dims.rank() == row_.rank() + 1 && spec_.dims[0] < 0) {
    tensor.shape.push_back(rows_);  // any number of rows, which belong together
  } else if (rows_ > 1) {
    return {Code::kInvalidInput, "expected one row for input '" + spec_.name + "' " + spec_.dims.to_string() +
                                     ", got " + std::to_string(rows_)};
  } else {
    while (tensor.shape.rank() + row_.rank() < spec_.dims.rank()) tensor.shape.push_back(1);
  }
  for (const int64_t dim : row_.dims()) tensor.shape.push_back(dim);
  tensor.data = buffer_.slice(0, static_cast<size_t>(rows_) * row_bytes_);
  buffer_ = Buffer();
  return tensor;
}

Status PreparedInput::add_column(JsonCursor& cursor, const TabularColumn& column, std::optional<Mark> value,
                                 std::byte* target) {
  if (value) cursor.seek(*value);
  if (value && !is_scalar(cursor)) return cursor.unexpected("a single value for feature '" + column.name + "'");
  const bool came = value && !is_null(cursor);
  if (!came && !column.default_number && !column.default_category) {
    if (value) return wrong(column, "a value", "null");
    return {Code::kInvalidInput,
            "missing feature '" + column.name + "' of input '" + spec_.name + "'" + place() + ", which has no default"};
  }
  return column.kind == TabularColumn::Kind::kNumber ? add_number(cursor, column, came, target)
                                                     : add_category(cursor, column, came, target);
}

Status PreparedInput::add_number(JsonCursor& cursor, const TabularColumn& column, bool came, std::byte* target) {
  double value = column.default_number.value_or(0);
  if (came && !read_value(cursor, value)) return wrong(column, range_text(column), cursor.describe());
  if (!std::isfinite(value) && !column.allow_nan) return wrong(column, range_text(column), cursor.describe());
  if (value < column.low || value > column.high) {
    if (!column.clip) return wrong(column, range_text(column), number_text(value));
    value = std::clamp(value, column.low, column.high);
  }
  value = (value - column.mean) / column.std;
  if (write(value, target)) return {};
  return wrong(column, "a number that " + std::string(dtype_name(spec_.dtype)) + " holds", number_text(value));
}

Status PreparedInput::add_category(JsonCursor& cursor, const TabularColumn& column, bool came, std::byte* target) {
  std::string unescaped;
  std::string_view text = column.default_category ? std::string_view(*column.default_category) : std::string_view();
  if (came) {
    if (const auto raw = cursor.raw_string()) {
      if (!read_raw_string(*raw, unescaped, text)) return cursor.unexpected("a string with valid escapes");
    } else if (is_scalar(cursor)) {
      text = cursor.token_text();  // a number or a boolean as it is written
    } else {
      return cursor.unexpected("a category");
    }
  }
  const auto found = column.index.find(text);
  const bool known = found != column.index.end();
  if (!known && column.unknown == TabularColumn::Unknown::kError) {
    NearestName nearest(text);
    for (const std::string& category : column.categories) nearest.offer(category);
    return wrong(column, "one of its " + std::to_string(column.categories.size()) + " categories",
                 "'" + std::string(text.substr(0, 80)) + "'" + nearest.question());
  }
  const DType dtype = spec_.dtype;
  if (column.kind == TabularColumn::Kind::kOneHot) {
    const size_t size = dtype_size(dtype);
    for (size_t i = 0; i < column.width(); ++i) write(known && i == found->second ? 1 : 0, target + i * size);
    return {};
  }
  const double code = known ? column.codes[found->second] : column.unknown_code;
  if (write(code, target)) return {};
  return wrong(column, "a code that " + std::string(dtype_name(dtype)) + " holds", number_text(code));
}

Status PreparedInput::add_image(const ImagePlan& plan, const Attachment& image) {
  const auto channels = static_cast<int64_t>(plan.pixels.channels);
  const bool fits = (plan.width == 0 || plan.width == image.width) && (plan.height == 0 || plan.height == image.height);
  const auto pixels = static_cast<uint64_t>(image.width) * static_cast<uint64_t>(image.height);
  if (image.channels != channels || !fits || image.data.size() != pixels * plan.pixels.channels) {
    return {Code::kInvalidInput, "expected " + side_text(plan.width) + " x " + side_text(plan.height) + " pixels of " +
                                     std::to_string(channels) + " channels for input '" + spec_.name + "'" + place() +
                                     ", got " + std::to_string(image.width) + " x " + std::to_string(image.height) +
                                     " of " + std::to_string(image.channels)};
  }
  const size_t left = spec_.dims.rank() - (batched_ ? 1 : 0);
  Shape row;
  if (left == 1) {
    row = {static_cast<int64_t>(pixels) * channels};
  } else if (left == 2) {
    row = {image.height, image.width};
  } else {
    const Shape one =
        plan.pixels.planar ? Shape{channels, image.height, image.width} : Shape{image.height, image.width, channels};
    if (left == 4) row.push_back(1);
    for (const int64_t dim : one.dims()) row.push_back(dim);
  }
  ORTSERVE_RETURN_IF_ERROR(set_row(row));
  auto target = next_row();
  if (!target.ok()) return target.take_status();
  transform_pixels(plan.pixels, image.data.data(), static_cast<size_t>(pixels), *target);
  ++rows_;
  return {};
}

Status PreparedInput::add_sound(const AudioPlan& plan, const Attachment& sound) {
  if (plan.samples > 0 && sound.width != plan.samples) {
    return {Code::kInvalidInput, "expected " + std::to_string(plan.samples) + " samples for input '" + spec_.name +
                                     "'" + place() + ", got " + std::to_string(sound.width)};
  }
  Shape row;
  for (size_t i = batched_ ? 1 : 0; i + 1 < spec_.dims.rank(); ++i) row.push_back(1);
  row.push_back(sound.width);
  ORTSERVE_RETURN_IF_ERROR(set_row(row));
  auto target = next_row();
  if (!target.ok()) return target.take_status();
  const auto frames = static_cast<size_t>(sound.width);
  const auto channels = static_cast<size_t>(sound.channels);
  if (spec_.dtype == DType::kFp32) {
    kernels().pcm16(sound.data.data(), *target, frames, channels, plan.scale);
  } else {
    std::vector<float> floats(frames);
    kernels().pcm16(sound.data.data(), floats.data(), frames, channels, plan.scale);
    convert(DType::kFp32, floats.data(), spec_.dtype, *target, frames);
  }
  ++rows_;
  return {};
}

Status PreparedInput::set_row(const Shape& row) {
  if (rows_ == 0) {
    row_ = row;
    const auto elements = static_cast<uint64_t>(row.elements().value_or(INT64_MAX));
    if (elements > max_elements_) {
      return {Code::kLimitExceeded, "input '" + spec_.name + "' has more than the " + std::to_string(max_elements_) +
                                        " elements that are allowed"};
    }
    row_bytes_ = static_cast<size_t>(elements) * dtype_size(spec_.dtype);
    return {};
  }
  if (row == row_) return {};
  return {Code::kInvalidInput, "expected " + row_.to_string() + place() + " of input '" + spec_.name +
                                   "', as in the first, got " + row.to_string()};
}

Result<std::byte*> PreparedInput::next_row() {
  const uint64_t elements = row_bytes_ / dtype_size(spec_.dtype);
  if (elements > 0 && static_cast<uint64_t>(rows_) >= max_elements_ / elements) {
    return {Code::kLimitExceeded, "input '" + spec_.name + "' has more than the " + std::to_string(max_elements_) +
                                      " elements that are allowed"};
  }
  const size_t used = static_cast<size_t>(rows_) * row_bytes_;
  if (used + row_bytes_ > buffer_.size() || buffer_.empty()) {
    const size_t media = attachments_.size() * row_bytes_;  // mostly all of this input
    auto larger = pool_.acquire(std::max({used + row_bytes_, 2 * used, rows_ == 0 && !tabular() ? media : 0}));
    if (!larger.ok()) return larger.take_status();
    if (used) std::memcpy(larger->data(), buffer_.data(), used);
    buffer_ = std::move(*larger);
  }
  return buffer_.data() + used;
}

// As the graph's integers say where it is quantized.
bool PreparedInput::write(double value, std::byte* target) const noexcept {
  if (!spec_.quantized) return write_element(spec_.dtype, value, target);
  const auto number = static_cast<float>(value);
  quantize(spec_.dtype, &number, target, 1, {{&spec_.quantized->scale, 1}, {&spec_.quantized->zero_point, 1}});
  return true;
}

Status PreparedInput::wrong(const TabularColumn& column, const std::string& expected, const std::string& got) const {
  return {Code::kInvalidInput,
          "expected " + expected + " for feature '" + column.name + "'" + place() + ", got " + got};
}

std::string PreparedInput::place() const {
  return rows_ == 0 ? "" : " in row " + std::to_string(rows_);
}

}  // namespace ortserve
