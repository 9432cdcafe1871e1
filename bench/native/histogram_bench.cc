// SPDX-License-Identifier: Apache-2.0
// Counting the values of one activation, half of them 0 as after a Relu, beside the loop one would write first.
#include <cmath>
#include <string>
#include <vector>

#include "core/histogram.h"
#include "measure.h"

namespace ortserve::bench {
namespace {

constexpr size_t kValues = 64 * 56 * 56;

std::vector<float> activation() {
  std::vector<float> values(kValues);
  uint32_t state = 1;
  for (float& value : values) {
    state = state * 1664525u + 1013904223u;
    const float uniform = static_cast<float>(state >> 8) * 0x1p-23f - 1;
    value = uniform < 0 ? 0 : uniform;
  }
  return values;
}

void count_plainly(const std::vector<float>& values, std::vector<uint64_t>& counts) {
  float low = values[0], high = values[0];
  for (const float value : values) {
    low = value < low ? value : low;
    high = value > high ? value : high;
  }
  const float most = std::fmax(-low, high);
  const double width = std::exp2(std::floor(std::log2(most)) - 10);
  for (const float value : values) {
    ++counts[static_cast<size_t>(std::floor(static_cast<double>(value) / width) + Histogram::kSideBins)];
  }
}

}  // namespace

void bench_histogram() {
  const auto values = activation();
  std::vector<uint64_t> counts(Histogram::kBins);
  const auto per_value = [&](const char* name, double nanoseconds) {
    report("histogram", name, nanoseconds / static_cast<double>(kValues), "value");
  };
  per_value("plain loops", nanoseconds_per_call([&] {
              count_plainly(values, counts);
              keep(counts);
            }));
  for (const Kernels* set : usable_kernels()) {
    Histogram histogram;
    per_value(set->name,
              nanoseconds_per_call([&] { require(histogram.add(values, *set).ok(), "values were refused"); }));
  }
}

}  // namespace ortserve::bench
