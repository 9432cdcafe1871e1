// SPDX-License-Identifier: Apache-2.0
#include "core/codec/classification.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <memory>
#include <numeric>
#include <span>
#include <type_traits>

namespace ortserve {

namespace {

// The larger one first, NaN behind every number.
template <typename T>
bool ranks_before(T a, T b) noexcept {
  if constexpr (std::is_floating_point_v<T>) {
    if (std::isnan(a) || std::isnan(b)) return !std::isnan(a) && std::isnan(b);
  }
  return a > b;
}

template <typename T>
void append_value(std::string& text, T value) {
  std::array<char, 400> digits;  // DBL_MAX has 309 before the point
  std::to_chars_result end{};
  if constexpr (std::is_floating_point_v<T>) {
    end = std::to_chars(digits.data(), digits.data() + digits.size(), value, std::chars_format::fixed, 6);
  } else {
    end = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  }
  text.append(digits.data(), end.ptr);
}

/// Joins strings as a tensor holds them.
class Strings {
 public:
  void end_string() { offsets_.push_back(text_.size()); }
  std::string& text() noexcept { return text_; }

  Tensor take(const Shape& shape) {
    Tensor tensor;
    tensor.dtype = DType::kString;
    tensor.shape = shape;
    tensor.offsets = std::move(offsets_);
    auto held = std::make_shared<std::string>(std::move(text_));
    auto* const data = reinterpret_cast<std::byte*>(held->data());
    const size_t size = held->size();
    tensor.data = Buffer::lend(data, size, [held] {});
    return tensor;
  }

 private:
  std::string text_;
  std::vector<uint64_t> offsets_ = {0};
};

template <typename T>
void rank_row(std::span<const T> scores, size_t count, const std::vector<std::string>& labels, Strings& out) {
  std::vector<size_t> order(scores.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::partial_sort(order.begin(), order.begin() + static_cast<ptrdiff_t>(count), order.end(),
                    [scores](size_t a, size_t b) {
                      if (ranks_before(scores[a], scores[b])) return true;
                      return !ranks_before(scores[b], scores[a]) && a < b;
                    });
  for (size_t i = 0; i < count; ++i) {
    append_value(out.text(), scores[order[i]]);
    out.text() += ':';
    append_value(out.text(), order[i]);
    if (labels.size() == scores.size()) {
      out.text() += ':';
      out.text() += labels[order[i]];
    }
    out.end_string();
  }
}

template <typename T>
Tensor rank_all(const Tensor& scores, uint32_t count, bool by_row, const std::vector<std::string>& labels) {
  const int64_t rows = by_row ? scores.shape[0] : 1;
  const auto per_row = static_cast<size_t>(by_row ? scores.shape.row_elements().value_or(0) : scores.elements());
  const size_t kept = std::min<size_t>(count, per_row);
  Strings strings;
  for (int64_t row = 0; row < rows; ++row) {
    const T* const first = scores.data.as<const T>() + static_cast<size_t>(row) * per_row;
    rank_row(std::span<const T>(first, per_row), kept, labels, strings);
  }
  const auto width = static_cast<int64_t>(kept);
  return strings.take(by_row ? Shape{rows, width} : Shape{width});
}

}  // namespace

Status check_classification(const OutputSpec& output) {
  const bool is_number = output.dtype != DType::kBool && output.dtype != DType::kFp16 && output.dtype != DType::kBf16 &&
                         output.dtype != DType::kString;
  if (output.kind == Value::Kind::kTensor && is_number) return {};
  const std::string_view type = output.kind == Value::Kind::kTensor ? dtype_name(output.dtype)
                                : output.kind == Value::Kind::kMap  ? "map"
                                                                    : "sequence";
  return {Code::kInvalidInput, "class result not available for output due to unsupported type '" + std::string(type) +
                                   "': output '" + output.name + "'"};
}

Tensor classify(const Tensor& scores, uint32_t count, bool by_row, const std::vector<std::string>& labels) {
  by_row = by_row && scores.shape.rank() > 0;
  switch (scores.dtype) {
    case DType::kUint8:
      return rank_all<uint8_t>(scores, count, by_row, labels);
    case DType::kUint16:
      return rank_all<uint16_t>(scores, count, by_row, labels);
    case DType::kUint32:
      return rank_all<uint32_t>(scores, count, by_row, labels);
    case DType::kUint64:
      return rank_all<uint64_t>(scores, count, by_row, labels);
    case DType::kInt8:
      return rank_all<int8_t>(scores, count, by_row, labels);
    case DType::kInt16:
      return rank_all<int16_t>(scores, count, by_row, labels);
    case DType::kInt32:
      return rank_all<int32_t>(scores, count, by_row, labels);
    case DType::kInt64:
      return rank_all<int64_t>(scores, count, by_row, labels);
    case DType::kFp32:
      return rank_all<float>(scores, count, by_row, labels);
    case DType::kFp64:
      return rank_all<double>(scores, count, by_row, labels);
    case DType::kBool:
    case DType::kFp16:
    case DType::kBf16:
    case DType::kString:
      break;  // refused by check_classification()
  }
  return scores;
}

}  // namespace ortserve
