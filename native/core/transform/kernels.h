// SPDX-License-Identifier: Apache-2.0
// The vector loops behind preprocessing and calibration, compiled once per instruction set and chosen by what the CPU
// has.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace ortserve {

/// Most channels of an image.
inline constexpr size_t kMaxChannels = 4;

/// One instruction set's loops. Pointers need no alignment and ranges do not overlap. Every set gives the same bits: no
/// multiplication is fused with an addition. Rounding is to nearest, ties to even.
struct Kernels {
  const char* name;  ///< "avx512", "avx2", "baseline" (SSE2, NEON or what the compiler makes of it)

  /// To float, exactly. A NaN stays one, with its sign and payload, and becomes quiet.
  void (*from_u8)(const void* source, void* target, size_t count);
  void (*from_i8)(const void* source, void* target, size_t count);
  void (*from_fp16)(const void* source, void* target, size_t count);
  void (*from_bf16)(const void* source, void* target, size_t count);

  /// From float. Integers saturate and take NaN as 0; the 16-bit floats overflow to infinity and keep NaN, quiet.
  void (*to_u8)(const void* source, void* target, size_t count);
  void (*to_i8)(const void* source, void* target, size_t count);
  void (*to_fp16)(const void* source, void* target, size_t count);
  void (*to_bf16)(const void* source, void* target, size_t count);

  /// ONNX QuantizeLinear: saturate(round(x / scale) + zero_point), for each of `rows` rows of `columns` values, each
  /// column with its own scale and zero point. NaN gives the smallest integer, as ONNX Runtime does on x86-64.
  void (*quantize_u8)(const void* source, void* target, size_t rows, size_t columns, const float* scale,
                      const int32_t* zero_point);
  void (*quantize_i8)(const void* source, void* target, size_t rows, size_t columns, const float* scale,
                      const int32_t* zero_point);
  /// The same with one scale and zero point for all.
  void (*quantize_all_u8)(const void* source, void* target, size_t count, float scale, int32_t zero_point);
  void (*quantize_all_i8)(const void* source, void* target, size_t count, float scale, int32_t zero_point);

  /// ONNX DequantizeLinear: (q - zero_point) * scale.
  void (*dequantize_u8)(const void* source, void* target, size_t rows, size_t columns, const float* scale,
                        const int32_t* zero_point);
  void (*dequantize_i8)(const void* source, void* target, size_t rows, size_t columns, const float* scale,
                        const int32_t* zero_point);
  void (*dequantize_all_u8)(const void* source, void* target, size_t count, float scale, int32_t zero_point);
  void (*dequantize_all_i8)(const void* source, void* target, size_t count, float scale, int32_t zero_point);

  /// Interleaved bytes to float planes: planes[c][i] = source[i * channels + c] * mul[c] + add[c]. 1 to kMaxChannels.
  void (*planes)(const void* source, size_t pixels, size_t channels, const float* mul, const float* add,
                 void* const* planes);
  /// The same, staying interleaved, so that channel c of the source becomes channel place[c] of the target.
  void (*interleaved)(const void* source, size_t pixels, size_t channels, const float* mul, const float* add,
                      const uint8_t* place, void* target);
  /// Least and largest of `count` >= 1 floats as integer keys in the order of the floats, NaN with a clear sign above
  /// infinity and with a set one below: key = bits for floats from +0 on, else bits with all but the sign inverted.
  void (*range)(const void* source, size_t count, int32_t* low, int32_t* high);
  /// floor(x * factor) of floats, where that fits 32 bits. `factor` is a power of two.
  void (*bins)(const void* source, size_t count, double factor, int32_t* bins);
  /// 16-bit signed samples of `channels` interleaved channels to the mean of each frame's samples, times `scale`.
  void (*pcm16)(const void* source, void* target, size_t frames, size_t channels, float scale);
};

/// The fastest set this CPU can run.
const Kernels& kernels() noexcept;
/// All that it can run, fastest first.
std::span<const Kernels* const> usable_kernels() noexcept;

namespace internal {
extern const Kernels kBaselineKernels;
#ifdef ORTSERVE_X86_KERNELS
extern const Kernels kAvx2Kernels;
extern const Kernels kAvx512Kernels;
#endif
}  // namespace internal

}  // namespace ortserve
