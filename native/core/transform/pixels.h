// SPDX-License-Identifier: Apache-2.0
// Decoded images into the tensors that networks take, in one pass.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/tensor.h"
#include "core/transform/kernels.h"

namespace ortserve {

/// What happens to interleaved 8-bit pixels. Channel c of the source becomes channel place[c] of the tensor, with value
/// x * mul[c] + add[c] in FP32, which is then cast (saturating) or, with a scale, quantized. Immutable once made.
struct PixelPlan {
  size_t channels = 3;  ///< 1 to kMaxChannels
  bool planar = false;  ///< the tensor has planes (CHW), not pixels (HWC)
  DType dtype = DType::kFp32;
  std::array<float, kMaxChannels> mul{1, 1, 1, 1};
  std::array<float, kMaxChannels> add{};
  std::array<uint8_t, kMaxChannels> place{0, 1, 2, 3};
  /// By channel of the tensor, or one for all; empty: values are cast.
  std::vector<float> scale;
  std::vector<int32_t> zero_point;

  /// The bytes go to the tensor as they are.
  bool is_copy() const noexcept;
  /// Values are those of the pixels: there is no arithmetic before the cast.
  bool is_plain() const noexcept;
  /// Drops arithmetic that changes none of the 256 values, as that of a graph quantized so that its integers are the
  /// pixels.
  void simplify() noexcept;
};

/// Writes one image of `pixels` pixels: channels * pixels elements of plan.dtype. No alignment is needed.
void transform_pixels(const PixelPlan& plan, const void* source, size_t pixels, void* target,
                      const Kernels& set = kernels()) noexcept;

}  // namespace ortserve
