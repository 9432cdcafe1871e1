// SPDX-License-Identifier: Apache-2.0
#include "core/transform/convert.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace ortserve {

namespace {

using Loop = void (*)(const void*, void*, size_t);

// Floats on the way between two other types: half of the smallest first-level caches.
constexpr size_t kBlock = 4096;

Loop widening(const Kernels& set, DType from) noexcept {
  switch (from) {
    case DType::kUint8:
      return set.from_u8;
    case DType::kInt8:
      return set.from_i8;
    case DType::kFp16:
      return set.from_fp16;
    default:
      return set.from_bf16;
  }
}

Loop narrowing(const Kernels& set, DType to) noexcept {
  switch (to) {
    case DType::kUint8:
      return set.to_u8;
    case DType::kInt8:
      return set.to_i8;
    case DType::kFp16:
      return set.to_fp16;
    default:
      return set.to_bf16;
  }
}

const std::byte* at(const void* data, size_t bytes) noexcept {
  return static_cast<const std::byte*>(data) + bytes;
}

std::byte* at(void* data, size_t bytes) noexcept {
  return static_cast<std::byte*>(data) + bytes;
}

using AllLoop = void (*)(const void*, void*, size_t, float, int32_t);
using ColumnLoop = void (*)(const void*, void*, size_t, size_t, const float*, const int32_t*);

// One scale for all; one per element of the last axis; or one per run of `inner` elements.
void scaled(AllLoop all, ColumnLoop columns, const void* source, size_t source_size, void* target, size_t target_size,
            size_t count, const QuantizeParameters& parameters) noexcept {
  const size_t channels = parameters.scale.size();
  if (channels == 1) return all(source, target, count, parameters.scale[0], parameters.zero_point[0]);
  if (parameters.inner == 1) {
    return columns(source, target, count / channels, channels, parameters.scale.data(), parameters.zero_point.data());
  }
  for (size_t start = 0, c = 0; start < count; start += parameters.inner, c = (c + 1) % channels) {
    all(at(source, start * source_size), at(target, start * target_size), parameters.inner, parameters.scale[c],
        parameters.zero_point[c]);
  }
}

}  // namespace

bool is_convertible(DType dtype) noexcept {
  return dtype == DType::kFp32 || dtype == DType::kFp16 || dtype == DType::kBf16 || dtype == DType::kUint8 ||
         dtype == DType::kInt8;
}

void convert(DType from, const void* source, DType to, void* target, size_t count, const Kernels& set) noexcept {
  if (from == to) {
    if (count > 0) std::memcpy(target, source, count * dtype_size(from));
    return;
  }
  if (to == DType::kFp32) return widening(set, from)(source, target, count);
  if (from == DType::kFp32) return narrowing(set, to)(source, target, count);
  std::array<float, kBlock> floats;
  for (size_t start = 0; start < count; start += kBlock) {
    const size_t size = std::min(kBlock, count - start);
    widening(set, from)(at(source, start * dtype_size(from)), floats.data(), size);
    narrowing(set, to)(floats.data(), at(target, start * dtype_size(to)), size);
  }
}

void quantize(DType to, const void* source, void* target, size_t count, const QuantizeParameters& parameters,
              const Kernels& set) noexcept {
  const bool is_signed = to == DType::kInt8;
  scaled(is_signed ? set.quantize_all_i8 : set.quantize_all_u8, is_signed ? set.quantize_i8 : set.quantize_u8, source,
         sizeof(float), target, 1, count, parameters);
}

void dequantize(DType from, const void* source, void* target, size_t count, const QuantizeParameters& parameters,
                const Kernels& set) noexcept {
  const bool is_signed = from == DType::kInt8;
  scaled(is_signed ? set.dequantize_all_i8 : set.dequantize_all_u8, is_signed ? set.dequantize_i8 : set.dequantize_u8,
         source, 1, target, sizeof(float), count, parameters);
}

}  // namespace ortserve
