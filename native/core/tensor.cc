// SPDX-License-Identifier: Apache-2.0
#include "core/tensor.h"

#include <algorithm>
#include <cassert>
#include <cstring>

namespace ortserve {

namespace {

struct DTypeInfo {
  std::string_view name;
  size_t size;
};

constexpr std::array<DTypeInfo, kDTypeCount> kDTypes = {{
    {"BOOL", 1},
    {"UINT8", 1},
    {"UINT16", 2},
    {"UINT32", 4},
    {"UINT64", 8},
    {"INT8", 1},
    {"INT16", 2},
    {"INT32", 4},
    {"INT64", 8},
    {"FP16", 2},
    {"BF16", 2},
    {"FP32", 4},
    {"FP64", 8},
    {"BYTES", 0},
}};

std::optional<int64_t> product(std::span<const int64_t> dims) noexcept {
  int64_t result = 1;
  for (int64_t dim : dims) {
    if (dim < 0) return std::nullopt;
    if (dim != 0 && result > INT64_MAX / dim) return std::nullopt;
    result *= dim;
  }
  return result;
}

}  // namespace

std::optional<int> first_untrue(std::span<const std::byte> elements) noexcept {
  // All at once first, which compilers turn into vector instructions: nearly always there is none.
  std::byte any{0};
  for (const std::byte element : elements) any |= element;
  if (any <= std::byte{1}) return std::nullopt;
  return std::to_integer<int>(
      *std::ranges::find_if(elements, [](std::byte element) { return element > std::byte{1}; }));
}

size_t dtype_size(DType dtype) noexcept {
  return kDTypes[static_cast<size_t>(dtype)].size;
}

std::string_view dtype_name(DType dtype) noexcept {
  return kDTypes[static_cast<size_t>(dtype)].name;
}

std::optional<DType> dtype_from_name(std::string_view name) noexcept {
  for (size_t i = 0; i < kDTypes.size(); ++i) {
    if (kDTypes[i].name == name) return static_cast<DType>(i);
  }
  return std::nullopt;
}

Shape::Shape(std::initializer_list<int64_t> dims) noexcept : Shape(std::span(dims.begin(), dims.size())) {}

Shape::Shape(std::span<const int64_t> dims) noexcept : rank_(static_cast<uint8_t>(dims.size())) {
  assert(dims.size() <= kMaxRank);
  std::copy(dims.begin(), dims.end(), dims_.begin());
}

bool Shape::push_back(int64_t dim) noexcept {
  if (rank_ == kMaxRank) return false;
  dims_[rank_++] = dim;
  return true;
}

bool Shape::operator==(const Shape& other) const noexcept {
  return std::ranges::equal(dims(), other.dims());
}

std::optional<int64_t> Shape::elements() const noexcept {
  return product(dims());
}

std::optional<int64_t> Shape::row_elements() const noexcept {
  return rank_ == 0 ? std::optional<int64_t>(1) : product(dims().subspan(1));
}

std::string Shape::to_string() const {
  std::string text = "[";
  for (size_t i = 0; i < rank_; ++i) {
    if (i) text += ',';
    text += std::to_string(dims_[i]);
  }
  return text + "]";
}

Tensor Tensor::rows(int64_t begin, int64_t rows) const {
  Tensor part;
  part.dtype = dtype;
  part.shape = shape;
  part.shape[0] = rows;
  const auto per_row = static_cast<uint64_t>(shape.row_elements().value_or(0));
  const uint64_t first = static_cast<uint64_t>(begin) * per_row;
  const uint64_t count = static_cast<uint64_t>(rows) * per_row;
  if (dtype != DType::kString) {
    part.data = data.slice(first * dtype_size(dtype), count * dtype_size(dtype));
    return part;
  }
  const uint64_t start = offsets[first];
  part.data = data.slice(start, offsets[first + count] - start);
  part.offsets.resize(count + 1);
  for (uint64_t i = 0; i <= count; ++i) part.offsets[i] = offsets[first + i] - start;
  return part;
}

int64_t Value::rows() const noexcept {
  if (kind == Kind::kSequence) return static_cast<int64_t>(items.size());
  return kind == Kind::kTensor && tensor.shape.rank() > 0 ? tensor.shape[0] : -1;
}

uint64_t Value::byte_size() const noexcept {
  const auto held = [](const Tensor& part) { return part.byte_size() + part.offsets.size() * sizeof(uint64_t); };
  uint64_t bytes = sizeof(Value) + held(tensor) + (keys ? held(*keys) : 0);
  for (const Value& item : items) bytes += item.byte_size();
  return bytes;
}

Result<Tensor> allocate_tensor(BufferPool& pool, DType dtype, const Shape& shape) {
  const auto elements = shape.elements();
  const auto size = static_cast<int64_t>(dtype_size(dtype));
  if (!elements || (size > 0 && *elements > INT64_MAX / size)) {
    return {Code::kInvalidInput, "the shape " + shape.to_string() + " has more elements than can be counted"};
  }
  auto buffer = pool.acquire(static_cast<size_t>(*elements * size));
  if (!buffer.ok()) return buffer.take_status();
  Tensor tensor;
  tensor.dtype = dtype;
  tensor.shape = shape;
  tensor.data = std::move(*buffer);
  return tensor;
}

Result<Tensor> concat_rows(BufferPool& pool, std::span<const Tensor* const> parts) {
  Tensor joined;
  joined.dtype = parts[0]->dtype;
  joined.shape = parts[0]->shape;
  joined.shape[0] = 0;
  size_t bytes = 0;
  size_t strings = 0;
  for (const Tensor* part : parts) {
    joined.shape[0] += part->shape[0];
    bytes += part->data.size();
    strings += part->offsets.empty() ? 0 : part->offsets.size() - 1;
  }
  auto buffer = pool.acquire(bytes);
  if (!buffer.ok()) return buffer.take_status();
  joined.data = std::move(*buffer);
  if (joined.dtype == DType::kString) joined.offsets.reserve(strings + 1);
  size_t at = 0;
  for (const Tensor* part : parts) {
    if (!part->data.empty()) std::memcpy(joined.data.data() + at, part->data.data(), part->data.size());
    for (size_t i = 0; i + 1 < part->offsets.size(); ++i) joined.offsets.push_back(at + part->offsets[i]);
    at += part->data.size();
  }
  if (joined.dtype == DType::kString) joined.offsets.push_back(at);
  return joined;
}

}  // namespace ortserve
