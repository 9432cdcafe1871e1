// SPDX-License-Identifier: Apache-2.0
// The preprocessing kernels on one 224 x 224 RGB image, each beside a memcpy of as many bytes: bytes read plus written.
#include <cstring>
#include <string>
#include <vector>

#include "core/transform/convert.h"
#include "core/transform/gather.h"
#include "core/transform/pixels.h"
#include "measure.h"

namespace ortserve::bench {
namespace {

constexpr size_t kPixels = 224 * 224;
constexpr size_t kValues = 3 * kPixels;

double memcpy_rate(size_t bytes) {
  std::vector<std::byte> from(bytes / 2), to(bytes / 2);
  const double nanoseconds = nanoseconds_per_call([&] {
    std::memcpy(to.data(), from.data(), from.size());
    keep(to);
  });
  return static_cast<double>(bytes) / nanoseconds;
}

// `bytes`: read and written by one call. A byte per nanosecond is a gigabyte per second.
template <typename F>
void rate(const std::string& name, size_t bytes, F&& f) {
  const double nanoseconds = nanoseconds_per_call(f);
  char text[160];
  std::snprintf(text, sizeof text, "%s: %.1f GB/s, memcpy %.1f", name.c_str(), static_cast<double>(bytes) / nanoseconds,
                memcpy_rate(bytes));
  report("transform", text, nanoseconds, "image");
}

std::vector<float> ramp() {
  std::vector<float> values(kValues);
  for (size_t i = 0; i < kValues; ++i) values[i] = static_cast<float>(i % 600) / 2 - 20;
  return values;
}

void bench_pixels(const Kernels& set) {
  const std::vector<uint8_t> image(kValues, 77);
  std::vector<float> out(kValues);
  PixelPlan plan;
  plan.mul = {0.017f, 0.0175f, 0.0174f, 1};
  plan.add = {-2.1f, -2.0f, -1.8f, 0};
  for (const DType dtype : {DType::kFp32, DType::kFp16, DType::kInt8}) {
    for (const bool planar : {true, false}) {
      plan.dtype = dtype;
      plan.planar = planar;
      plan.scale = dtype == DType::kInt8 ? std::vector<float>{0.02f} : std::vector<float>{};
      plan.zero_point.assign(plan.scale.size(), 0);
      const std::string name = std::string("UINT8 HWC to ") + dtype_name(dtype).data() + (planar ? " CHW, " : " HWC, ");
      rate(name + set.name, kValues * (1 + dtype_size(dtype)), [&] {
        transform_pixels(plan, image.data(), kPixels, out.data(), set);
        keep(out);
      });
    }
  }
}

void bench_conversions(const Kernels& set) {
  const std::vector<float> values = ramp();
  std::vector<float> out(kValues);
  for (const DType dtype : {DType::kUint8, DType::kInt8, DType::kFp16, DType::kBf16}) {
    const size_t bytes = kValues * (4 + dtype_size(dtype));
    const std::string name = dtype_name(dtype).data();
    rate("FP32 to " + name + ", " + set.name, bytes, [&] {
      convert(DType::kFp32, values.data(), dtype, out.data(), kValues, set);
      keep(out);
    });
    rate(name + " to FP32, " + set.name, bytes, [&] {
      convert(dtype, values.data(), DType::kFp32, out.data(), kValues, set);
      keep(out);
    });
  }
}

void bench_quantize(const Kernels& set) {
  const std::vector<float> values = ramp();
  std::vector<float> out(kValues);
  const std::vector<float> scales(64, 0.3f);
  const std::vector<int32_t> zeros(64, 7);
  for (const size_t channels : {size_t{1}, size_t{64}}) {
    const QuantizeParameters parameters = {{scales.data(), channels}, {zeros.data(), channels}};
    const std::string name = channels == 1 ? " per tensor, " : " per channel, ";
    rate("quantize" + name + set.name, kValues * 5, [&] {
      quantize(DType::kUint8, values.data(), out.data(), kValues, parameters, set);
      keep(out);
    });
    rate("dequantize" + name + set.name, kValues * 5, [&] {
      dequantize(DType::kUint8, values.data(), out.data(), kValues, parameters, set);
      keep(out);
    });
  }
}

void bench_gather() {
  constexpr size_t kWidth = 4096, kRows = 32;
  const std::vector<float> rows(kWidth * kRows, 1);
  std::vector<float> out(rows.size());
  for (const uint32_t run : {1u, 16u}) {
    std::vector<uint32_t> indices;
    for (uint32_t i = 0; i < kWidth; ++i) {
      if (i / run % 2 == 0) indices.push_back(i);
    }
    const auto live = LiveIndices::create(indices, kWidth);
    require(live.ok(), "no live indices");
    rate("gather half of 32 rows of 4096, runs of " + std::to_string(run), out.size() * 4, [&] {
      live.value().gather(rows.data(), kWidth * 4, out.data(), kRows, 4);
      keep(out);
    });
  }
}

}  // namespace

void bench_transform() {
  bench_pixels(kernels());
  bench_conversions(kernels());
  bench_quantize(kernels());
  bench_gather();
}

}  // namespace ortserve::bench
