// SPDX-License-Identifier: Apache-2.0
// The loops of kernels.h, for the compiler to vectorise. Each kernels_*.cc includes this and is compiled for another
// instruction set. Everything has internal linkage and nothing but builtins is called: an inline function shared with
// other files could be linked in its AVX form into code that must run without AVX.
#pragma once

#include <bit>
#include <cstring>
#include <type_traits>

#include "core/transform/kernels.h"

#if defined(__F16C__) || (defined(_MSC_VER) && defined(__AVX2__))
#include <immintrin.h>
#define ORTSERVE_F16C 1
#endif

namespace ortserve {
namespace {

using Bytes = const unsigned char*;
using Target = unsigned char*;

struct Half {
  uint16_t bits;
};
struct Brain {
  uint16_t bits;
};

// std::memcpy is the access that needs no alignment; it becomes one move.
template <typename T>
inline T load(const void* source, size_t i) noexcept {
  T value;
  std::memcpy(&value, static_cast<Bytes>(source) + i * sizeof(T), sizeof(T));
  return value;
}

template <typename T>
inline void store(void* target, size_t i, T value) noexcept {
  std::memcpy(static_cast<Target>(target) + i * sizeof(T), &value, sizeof(T));
}

inline uint32_t bits_of(float value) noexcept {
  return std::bit_cast<uint32_t>(value);
}

inline float float_of(uint32_t bits) noexcept {
  return std::bit_cast<float>(bits);
}

// The integer nearest to a value within +-2^22, ties to even: the addition rounds.
inline int32_t nearest(float value) noexcept {
  constexpr float kMagic = 0x1.8p23f;
  return static_cast<int32_t>(bits_of(value + kMagic) - bits_of(kMagic));
}

// NaN becomes `low`.
inline float clamp(float value, float low, float high) noexcept {
  value = value > low ? value : low;
  return value < high ? value : high;
}

inline float widen(uint8_t value) noexcept {
  return static_cast<float>(static_cast<int32_t>(value));
}

inline float widen(int8_t value) noexcept {
  return static_cast<float>(static_cast<int32_t>(value));
}

inline float widen(Brain value) noexcept {
  const uint32_t bits = static_cast<uint32_t>(value.bits) << 16;
  return float_of((bits & 0x7fffffffu) > 0x7f800000u ? bits | 0x400000u : bits);
}

inline float widen(Half value) noexcept {
  const uint32_t sign = static_cast<uint32_t>(value.bits & 0x8000u) << 16;
  const uint32_t magnitude = static_cast<uint32_t>(value.bits & 0x7fffu) << 13;
  const uint32_t normal = magnitude + (112u << 23);
  const uint32_t small = bits_of(float_of(magnitude + (113u << 23)) - 0x1p-14f);  // zero and subnormals
  const uint32_t special = magnitude | 0x7f800000u | (magnitude > 0x0f800000u ? 0x400000u : 0u);
  const uint32_t finite = magnitude < 0x00800000u ? small : normal;
  return float_of(sign | (magnitude >= 0x0f800000u ? special : finite));
}

inline void narrow(float value, uint8_t& out) noexcept {
  out = static_cast<uint8_t>(nearest(clamp(value, 0.0f, 255.0f)));
}

inline void narrow(float value, int8_t& out) noexcept {
  const float number = value == value ? value : 0.0f;
  out = static_cast<int8_t>(nearest(clamp(number, -128.0f, 127.0f)));
}

inline void narrow(float value, Brain& out) noexcept {
  const uint32_t bits = bits_of(value);
  const uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1)) >> 16;
  out.bits = static_cast<uint16_t>((bits & 0x7fffffffu) > 0x7f800000u ? (bits >> 16) | 0x40u : rounded);
}

inline void narrow(float value, Half& out) noexcept {
  const uint32_t sign = (bits_of(value) & 0x80000000u) >> 16;
  const uint32_t magnitude = bits_of(value) & 0x7fffffffu;
  const uint32_t normal = (magnitude - (112u << 23) + 0xfffu + ((magnitude >> 13) & 1)) >> 13;
  const uint32_t small = bits_of(float_of(magnitude) + 0.5f) - bits_of(0.5f);  // the addition rounds to 2^-24
  const uint32_t special = magnitude > 0x7f800000u ? 0x7e00u | ((magnitude >> 13) & 0x3ffu) : 0x7c00u;
  const uint32_t finite = magnitude < 0x38800000u ? small : normal;
  out.bits = static_cast<uint16_t>(sign | (magnitude >= 0x47800000u ? special : finite));
}

template <typename T>
void from(const void* source, void* target, size_t count) noexcept {
  for (size_t i = 0; i < count; ++i) store(target, i, widen(load<T>(source, i)));
}

template <typename T>
void to(const void* source, void* target, size_t count) noexcept {
  for (size_t i = 0; i < count; ++i) {
    T value;
    narrow(load<float>(source, i), value);
    store(target, i, value);
  }
}

#ifdef ORTSERVE_F16C
void from_halves(const void* source, void* target, size_t count) noexcept {
  size_t i = 0;
  for (; i + 8 <= count; i += 8) {
    const __m128i halves = _mm_loadu_si128(reinterpret_cast<const __m128i*>(static_cast<Bytes>(source) + 2 * i));
    _mm256_storeu_ps(reinterpret_cast<float*>(static_cast<Target>(target) + 4 * i), _mm256_cvtph_ps(halves));
  }
  from<Half>(static_cast<Bytes>(source) + 2 * i, static_cast<Target>(target) + 4 * i, count - i);
}

void to_halves(const void* source, void* target, size_t count) noexcept {
  size_t i = 0;
  for (; i + 8 <= count; i += 8) {
    const __m256 floats = _mm256_loadu_ps(reinterpret_cast<const float*>(static_cast<Bytes>(source) + 4 * i));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(static_cast<Target>(target) + 2 * i),
                     _mm256_cvtps_ph(floats, _MM_FROUND_TO_NEAREST_INT));
  }
  to<Half>(static_cast<Bytes>(source) + 4 * i, static_cast<Target>(target) + 2 * i, count - i);
}
#else
constexpr auto from_halves = from<Half>;
constexpr auto to_halves = to<Half>;
#endif

template <typename Q>
inline Q quantize(float value, float scale, int32_t zero_point) noexcept {
  constexpr int32_t kLow = std::is_signed_v<Q> ? -128 : 0;
  const auto low = static_cast<float>(kLow - zero_point);
  const auto high = static_cast<float>(kLow + 255 - zero_point);
  return static_cast<Q>(nearest(clamp(value / scale, low, high)) + zero_point);
}

template <typename Q>
void quantize_all(const void* source, void* target, size_t count, float scale, int32_t zero_point) noexcept {
  for (size_t i = 0; i < count; ++i) store(target, i, quantize<Q>(load<float>(source, i), scale, zero_point));
}

template <typename Q>
void quantize_columns(const void* source, void* target, size_t rows, size_t columns, const float* scale,
                      const int32_t* zero_point) noexcept {
  for (size_t row = 0; row < rows; ++row) {
    const Bytes from_row = static_cast<Bytes>(source) + row * columns * sizeof(float);
    const Target to_row = static_cast<Target>(target) + row * columns;
    for (size_t i = 0; i < columns; ++i) {
      store(to_row, i, quantize<Q>(load<float>(from_row, i), scale[i], zero_point[i]));
    }
  }
}

template <typename Q>
inline float dequantize(Q value, float scale, int32_t zero_point) noexcept {
  return static_cast<float>(static_cast<int32_t>(value) - zero_point) * scale;
}

template <typename Q>
void dequantize_all(const void* source, void* target, size_t count, float scale, int32_t zero_point) noexcept {
  for (size_t i = 0; i < count; ++i) store(target, i, dequantize(load<Q>(source, i), scale, zero_point));
}

template <typename Q>
void dequantize_columns(const void* source, void* target, size_t rows, size_t columns, const float* scale,
                        const int32_t* zero_point) noexcept {
  for (size_t row = 0; row < rows; ++row) {
    const Bytes from_row = static_cast<Bytes>(source) + row * columns;
    const Target to_row = static_cast<Target>(target) + row * columns * sizeof(float);
    for (size_t i = 0; i < columns; ++i) {
      store(to_row, i, dequantize(load<Q>(from_row, i), scale[i], zero_point[i]));
    }
  }
}

// The number of channels as a constant, so that the distance between the bytes of a channel is one.
template <size_t kChannels>
void planes_of(Bytes source, size_t pixels, const float* mul, const float* add, void* const* planes) noexcept {
  for (size_t c = 0; c < kChannels; ++c) {
    const float m = mul[c];
    const float a = add[c];
    void* const plane = planes[c];
    for (size_t i = 0; i < pixels; ++i) store(plane, i, widen(source[i * kChannels + c]) * m + a);
  }
}

// A block of pixels stays in the first cache while each channel is taken from it.
template <size_t kChannels>
void planes_in_blocks(Bytes source, size_t pixels, const float* mul, const float* add, void* const* planes) noexcept {
  constexpr size_t kBlock = 1024;
  for (size_t start = 0; start < pixels; start += kBlock) {
    void* here[kChannels];
    for (size_t c = 0; c < kChannels; ++c) here[c] = static_cast<Target>(planes[c]) + start * sizeof(float);
    const size_t count = pixels - start < kBlock ? pixels - start : kBlock;
    planes_of<kChannels>(source + start * kChannels, count, mul, add, here);
  }
}

void planes(const void* source, size_t pixels, size_t channels, const float* mul, const float* add,
            void* const* planes) noexcept {
  const auto bytes = static_cast<Bytes>(source);
  switch (channels) {
    case 1:
      return planes_of<1>(bytes, pixels, mul, add, planes);
    case 2:
      return planes_in_blocks<2>(bytes, pixels, mul, add, planes);
    case 3:
      return planes_in_blocks<3>(bytes, pixels, mul, add, planes);
    default:
      return planes_in_blocks<4>(bytes, pixels, mul, add, planes);
  }
}

// Any order of channels: 48 values are whole pixels of 1, 2, 3 and 4 channels, and whole vectors.
void interleaved(const void* source, size_t pixels, size_t channels, const float* mul, const float* add,
                 const uint8_t* place, void* target) noexcept {
  constexpr size_t kBlock = 48;
  const auto bytes = static_cast<Bytes>(source);
  float muls[kBlock];
  float adds[kBlock];
  uint8_t from[kMaxChannels] = {};
  bool in_order = true;
  for (size_t c = 0; c < channels; ++c) {
    from[place[c]] = static_cast<uint8_t>(c);
    in_order = in_order && place[c] == c;
  }
  for (size_t i = 0; i < kBlock; ++i) {
    muls[i] = mul[from[i % channels]];
    adds[i] = add[from[i % channels]];
  }
  const size_t values = pixels * channels;
  size_t i = 0;
  if (in_order) {
    for (; i + kBlock <= values; i += kBlock) {
      for (size_t j = 0; j < kBlock; ++j) store(target, i + j, widen(bytes[i + j]) * muls[j] + adds[j]);
    }
  }
  for (; i < values; i += channels) {
    for (size_t c = 0; c < channels; ++c) store(target, i + c, widen(bytes[i + from[c]]) * muls[c] + adds[c]);
  }
}

void range(const void* source, size_t count, int32_t* low, int32_t* high) noexcept {
  int32_t least = INT32_MAX;
  int32_t most = INT32_MIN;
  for (size_t i = 0; i < count; ++i) {
    const int32_t bits = load<int32_t>(source, i);
    const int32_t key = bits ^ ((bits >> 31) & 0x7fffffff);
    least = key < least ? key : least;
    most = key > most ? key : most;
  }
  *low = least;
  *high = most;
}

// In double, where no product of a float and a power of two loses a bit.
void bins(const void* source, size_t count, double factor, int32_t* bins) noexcept {
  for (size_t i = 0; i < count; ++i) {
    const double scaled = static_cast<double>(load<float>(source, i)) * factor;
    const int32_t whole = static_cast<int32_t>(scaled);
    bins[i] = whole - (scaled < static_cast<double>(whole) ? 1 : 0);
  }
}

void pcm16(const void* source, void* target, size_t frames, size_t channels, float scale) noexcept {
  if (channels == 1) {
    for (size_t i = 0; i < frames; ++i) {
      store(target, i, static_cast<float>(static_cast<int32_t>(load<int16_t>(source, i))) * scale);
    }
    return;
  }
  const float mean = scale / static_cast<float>(channels);
  for (size_t i = 0; i < frames; ++i) {
    int32_t sum = 0;
    for (size_t c = 0; c < channels; ++c) sum += load<int16_t>(source, i * channels + c);
    store(target, i, static_cast<float>(sum) * mean);
  }
}

constexpr Kernels make_kernels(const char* name) noexcept {
  return {
      .name = name,
      .from_u8 = from<uint8_t>,
      .from_i8 = from<int8_t>,
      .from_fp16 = from_halves,
      .from_bf16 = from<Brain>,
      .to_u8 = to<uint8_t>,
      .to_i8 = to<int8_t>,
      .to_fp16 = to_halves,
      .to_bf16 = to<Brain>,
      .quantize_u8 = quantize_columns<uint8_t>,
      .quantize_i8 = quantize_columns<int8_t>,
      .quantize_all_u8 = quantize_all<uint8_t>,
      .quantize_all_i8 = quantize_all<int8_t>,
      .dequantize_u8 = dequantize_columns<uint8_t>,
      .dequantize_i8 = dequantize_columns<int8_t>,
      .dequantize_all_u8 = dequantize_all<uint8_t>,
      .dequantize_all_i8 = dequantize_all<int8_t>,
      .planes = planes,
      .interleaved = interleaved,
      .range = range,
      .bins = bins,
      .pcm16 = pcm16,
  };
}

}  // namespace
}  // namespace ortserve
