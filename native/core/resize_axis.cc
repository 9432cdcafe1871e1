// SPDX-License-Identifier: Apache-2.0
#include "core/resize_axis.h"

#include <algorithm>
#include <cstring>

namespace ortserve {

namespace {

// A tensor seen as `outer` blocks of `size` slices of `inner` elements.
struct Blocks {
  int64_t outer = 1;
  int64_t size;
  int64_t inner = 1;

  Blocks(const Shape& shape, size_t axis) : size(shape[axis]) {
    for (size_t d = 0; d < axis; ++d) outer *= shape[d];
    for (size_t d = axis + 1; d < shape.rank(); ++d) inner *= shape[d];
  }
};

void repeat(std::byte* to, std::span<const std::byte> element, size_t bytes) {
  if (std::ranges::all_of(element, [](std::byte byte) { return byte == std::byte{0}; })) {
    std::memset(to, 0, bytes);
    return;
  }
  for (size_t at = 0; at < bytes; at += element.size()) std::memcpy(to + at, element.data(), element.size());
}

Result<Tensor> resize_numbers(BufferPool& pool, const Tensor& tensor, const Shape& shape, size_t axis,
                              std::span<const std::byte> fill) {
  auto resized = allocate_tensor(pool, tensor.dtype, shape);
  if (!resized.ok()) return resized.take_status();
  const Blocks from(tensor.shape, axis);
  const size_t slice = static_cast<size_t>(from.inner) * dtype_size(tensor.dtype);
  const size_t from_bytes = static_cast<size_t>(from.size) * slice;
  const size_t to_bytes = static_cast<size_t>(shape[axis]) * slice;
  const size_t kept = std::min(from_bytes, to_bytes);
  for (int64_t block = 0; block < from.outer; ++block) {
    std::byte* const to = resized->data.data() + static_cast<size_t>(block) * to_bytes;
    if (kept > 0) std::memcpy(to, tensor.data.data() + static_cast<size_t>(block) * from_bytes, kept);
    if (to_bytes > kept) repeat(to + kept, fill, to_bytes - kept);
  }
  return resized;
}

Result<Tensor> resize_strings(BufferPool& pool, const Tensor& tensor, const Shape& shape, size_t axis) {
  const Blocks from(tensor.shape, axis);
  const int64_t kept = std::min(from.size, shape[axis]) * from.inner;
  Tensor resized;
  resized.dtype = tensor.dtype;
  resized.shape = shape;
  resized.offsets.assign(static_cast<size_t>(shape.elements().value_or(0)) + 1, 0);
  size_t element = 0;
  uint64_t bytes = 0;
  const auto each_kept = [&](auto&& visit) {
    for (int64_t block = 0; block < from.outer; ++block) {
      const int64_t first = block * from.size * from.inner;
      for (int64_t i = 0; i < shape[axis] * from.inner; ++i) visit(i < kept ? tensor.string_at(first + i) : "");
    }
  };
  each_kept([&](std::string_view text) { resized.offsets[++element] = bytes += text.size(); });
  auto data = pool.acquire(bytes);
  if (!data.ok()) return data.take_status();
  char* to = data->as<char>();
  each_kept([&](std::string_view text) { to = std::copy(text.begin(), text.end(), to); });
  resized.data = std::move(*data);
  return resized;
}

}  // namespace

Result<Tensor> resize_axis(BufferPool& pool, const Tensor& tensor, size_t axis, int64_t size,
                           std::span<const std::byte> fill) {
  Shape shape = tensor.shape;
  shape[axis] = size;
  if (tensor.dtype == DType::kString) return resize_strings(pool, tensor, shape, axis);
  return resize_numbers(pool, tensor, shape, axis, fill);
}

}  // namespace ortserve
