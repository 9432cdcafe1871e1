// SPDX-License-Identifier: Apache-2.0
#include "core/transform/pixels.h"

#include <algorithm>
#include <cstring>

#include "core/transform/convert.h"

namespace ortserve {

namespace {

// Pixels on the way from bytes through FP32 to another type: their floats stay in the first cache.
constexpr size_t kBlock = 1024;

std::byte* at(void* data, size_t bytes) noexcept {
  return static_cast<std::byte*>(data) + bytes;
}

// `channel`: of the tensor, the first of what is written; `inner` as in QuantizeParameters.
void narrow(const PixelPlan& plan, const float* source, size_t count, size_t channel, size_t channels, void* target,
            const Kernels& set) noexcept {
  if (plan.scale.empty()) return convert(DType::kFp32, source, plan.dtype, target, count, set);
  const bool one = plan.scale.size() == 1;
  const QuantizeParameters parameters = {{plan.scale.data() + (one ? 0 : channel), one ? 1 : channels},
                                         {plan.zero_point.data() + (one ? 0 : channel), one ? 1 : channels}};
  quantize(plan.dtype, source, target, count, parameters, set);
}

void write_planes(const PixelPlan& plan, const uint8_t* source, size_t pixels, void* target,
                  const Kernels& set) noexcept {
  const size_t plane_size = pixels * dtype_size(plan.dtype);
  std::array<void*, kMaxChannels> planes{};
  if (plan.dtype == DType::kFp32) {
    for (size_t c = 0; c < plan.channels; ++c) planes[c] = at(target, plan.place[c] * plane_size);
    return set.planes(source, pixels, plan.channels, plan.mul.data(), plan.add.data(), planes.data());
  }
  std::array<float, kBlock * kMaxChannels> floats;
  for (size_t c = 0; c < plan.channels; ++c) planes[c] = floats.data() + c * kBlock;
  for (size_t start = 0; start < pixels; start += kBlock) {
    const size_t count = std::min(kBlock, pixels - start);
    set.planes(source + start * plan.channels, count, plan.channels, plan.mul.data(), plan.add.data(), planes.data());
    for (size_t c = 0; c < plan.channels; ++c) {
      std::byte* const plane = at(target, plan.place[c] * plane_size + start * dtype_size(plan.dtype));
      narrow(plan, floats.data() + c * kBlock, count, plan.place[c], 1, plane, set);
    }
  }
}

void write_interleaved(const PixelPlan& plan, const uint8_t* source, size_t pixels, void* target,
                       const Kernels& set) noexcept {
  const auto run = [&](const uint8_t* from, size_t count, void* to) {
    set.interleaved(from, count, plan.channels, plan.mul.data(), plan.add.data(), plan.place.data(), to);
  };
  if (plan.dtype == DType::kFp32) return run(source, pixels, target);
  std::array<float, kBlock * kMaxChannels> floats;
  for (size_t start = 0; start < pixels; start += kBlock) {
    const size_t count = std::min(kBlock, pixels - start);
    run(source + start * plan.channels, count, floats.data());
    narrow(plan, floats.data(), count * plan.channels, 0, plan.channels,
           at(target, start * plan.channels * dtype_size(plan.dtype)), set);
  }
}

}  // namespace

bool PixelPlan::is_copy() const noexcept {
  if (dtype != DType::kUint8 || !scale.empty() || (planar && channels > 1) || !is_plain()) return false;
  for (size_t c = 0; c < channels; ++c) {
    if (place[c] != c) return false;
  }
  return true;
}

bool PixelPlan::is_plain() const noexcept {
  return std::all_of(mul.begin(), mul.begin() + channels, [](float value) { return value == 1; }) &&
         std::all_of(add.begin(), add.begin() + channels, [](float value) { return value == 0; });
}

void PixelPlan::simplify() noexcept {
  if (dtype != DType::kUint8) return;
  std::array<uint8_t, 256 * kMaxChannels> source, target;
  for (size_t i = 0; i < 256 * channels; ++i) source[i] = static_cast<uint8_t>(i / channels);
  PixelPlan interleaved = *this;
  interleaved.planar = false;
  transform_pixels(interleaved, source.data(), 256, target.data());
  if (!std::equal(source.begin(), source.begin() + 256 * channels, target.begin())) return;
  mul.fill(1);
  add.fill(0);
  scale.clear();
  zero_point.clear();
}

void transform_pixels(const PixelPlan& plan, const void* source, size_t pixels, void* target,
                      const Kernels& set) noexcept {
  const auto bytes = static_cast<const uint8_t*>(source);
  if (plan.is_copy()) {
    if (pixels > 0) std::memcpy(target, source, pixels * plan.channels);
  } else if (plan.planar) {
    write_planes(plan, bytes, pixels, target, set);
  } else {
    write_interleaved(plan, bytes, pixels, target, set);
  }
}

}  // namespace ortserve
