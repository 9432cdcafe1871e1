// SPDX-License-Identifier: Apache-2.0
// Element types into one another: FP32, FP16, BF16, UINT8 and INT8.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "core/tensor.h"
#include "core/transform/kernels.h"

namespace ortserve {

/// Whether convert() takes this type.
bool is_convertible(DType dtype) noexcept;

/// Converts `count` elements. Integers saturate and take NaN as 0; floats round to nearest even, overflow to infinity
/// and keep NaN. Equal types are copied. Both types are convertible, the ranges do not overlap and need no alignment.
void convert(DType from, const void* source, DType to, void* target, size_t count,
             const Kernels& set = kernels()) noexcept;

/// Scales and zero points of ONNX QuantizeLinear: one for all, or one per index along an axis.
struct QuantizeParameters {
  std::span<const float> scale;         ///< 1, or the axis's size
  std::span<const int32_t> zero_point;  ///< as many, within the range of the integer type
  size_t inner = 1;                     ///< elements per index of the axis: the product of the dims behind it
};

/// FP32 to UINT8 or INT8. `count` is a multiple of scale.size() * inner, unless there is one scale.
void quantize(DType to, const void* source, void* target, size_t count, const QuantizeParameters& parameters,
              const Kernels& set = kernels()) noexcept;
/// UINT8 or INT8 to FP32.
void dequantize(DType from, const void* source, void* target, size_t count, const QuantizeParameters& parameters,
                const Kernels& set = kernels()) noexcept;

}  // namespace ortserve
