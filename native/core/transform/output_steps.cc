// SPDX-License-Identifier: Apache-2.0
#include "core/transform/output_steps.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <utility>

#include "core/transform/convert.h"

namespace ortserve {

namespace {

template <typename T>
void widen(const Tensor& tensor, float* target) noexcept {
  const T* const source = tensor.data.as<const T>();
  std::transform(source, source + tensor.elements(), target, [](T value) { return static_cast<float>(value); });
}

bool larger(float a, float b) noexcept {
  return a > b || (std::isnan(b) && !std::isnan(a));
}

}  // namespace

void softmax(std::span<float> values, size_t width) noexcept {
  for (size_t start = 0; start < values.size(); start += width) {
    const std::span<float> row = values.subspan(start, width);
    const float top = *std::ranges::max_element(row);
    float sum = 0;
    for (float& value : row) {
      value = std::exp(value - top);
      sum += value;
    }
    for (float& value : row) value /= sum;
  }
}

void sigmoid(std::span<float> values) noexcept {
  for (float& value : values) value = 1 / (1 + std::exp(-value));
}

int64_t argmax(std::span<const float> row) noexcept {
  size_t best = 0;
  for (size_t i = 1; i < row.size(); ++i) {
    if (larger(row[i], row[best])) best = i;
  }
  return static_cast<int64_t>(best);
}

void top_k(std::span<const float> row, size_t k, float* values, int64_t* indices, std::vector<int64_t>& scratch) {
  scratch.resize(row.size());
  std::iota(scratch.begin(), scratch.end(), int64_t{0});
  const auto before = [&](int64_t a, int64_t b) {
    const float left = row[static_cast<size_t>(a)];
    const float right = row[static_cast<size_t>(b)];
    if (larger(left, right)) return true;
    return !larger(right, left) && a < b;
  };
  std::partial_sort(scratch.begin(), scratch.begin() + static_cast<ptrdiff_t>(k), scratch.end(), before);
  for (size_t i = 0; i < k; ++i) {
    indices[i] = scratch[i];
    values[i] = row[static_cast<size_t>(scratch[i])];
  }
}

Result<Tensor> to_floats(BufferPool& pool, const Tensor& tensor, float scale, int32_t zero_point) {
  auto floats = allocate_tensor(pool, DType::kFp32, tensor.shape);
  if (!floats.ok()) return floats;
  float* const target = floats->data.as<float>();
  const auto count = static_cast<size_t>(tensor.elements());
  if (scale != 0 && (tensor.dtype == DType::kUint8 || tensor.dtype == DType::kInt8)) {
    dequantize(tensor.dtype, tensor.data.data(), target, count, {{&scale, 1}, {&zero_point, 1}});
    return floats;
  }
  switch (tensor.dtype) {
    case DType::kFp64:
      widen<double>(tensor, target);
      break;
    case DType::kInt16:
      widen<int16_t>(tensor, target);
      break;
    case DType::kUint16:
      widen<uint16_t>(tensor, target);
      break;
    case DType::kInt32:
      widen<int32_t>(tensor, target);
      break;
    case DType::kUint32:
      widen<uint32_t>(tensor, target);
      break;
    case DType::kInt64:
      widen<int64_t>(tensor, target);
      break;
    case DType::kUint64:
      widen<uint64_t>(tensor, target);
      break;
    case DType::kBool:
    case DType::kString:
      return {Code::kUnsupported, "expected an output of numbers, got " + std::string(dtype_name(tensor.dtype))};
    default:
      convert(tensor.dtype, tensor.data.data(), DType::kFp32, target, count);
  }
  return floats;
}

Result<Tensor> named_indices(BufferPool& pool, const Shape& shape, std::span<const int64_t> indices,
                             std::span<const std::string> labels) {
  if (labels.empty()) {
    auto numbers = allocate_tensor(pool, DType::kInt64, shape);
    if (numbers.ok() && !indices.empty()) std::memcpy(numbers->data.data(), indices.data(), indices.size_bytes());
    return numbers;
  }
  Tensor names;
  names.dtype = DType::kString;
  names.shape = shape;
  names.offsets.reserve(indices.size() + 1);
  names.offsets.push_back(0);
  for (const int64_t index : indices) {
    names.offsets.push_back(names.offsets.back() + labels[static_cast<size_t>(index)].size());
  }
  auto text = pool.acquire(names.offsets.back());
  if (!text.ok()) return text.take_status();
  for (size_t i = 0; i < indices.size(); ++i) {
    const std::string& label = labels[static_cast<size_t>(indices[i])];
    if (!label.empty()) std::memcpy(text->data() + names.offsets[i], label.data(), label.size());
  }
  names.data = std::move(*text);
  return names;
}

}  // namespace ortserve
