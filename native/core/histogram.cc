// SPDX-License-Identifier: Apache-2.0
#include "core/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <string>

namespace ortserve {

namespace {

// Of the keys that Kernels::range() gives.
float float_of_key(int32_t key) {
  return std::bit_cast<float>(key ^ ((key >> 31) & 0x7fffffff));
}

Status not_finite(std::span<const float> values) {
  const auto at = std::ranges::find_if(values, [](float value) { return !std::isfinite(value); });
  const char* const name = std::isnan(*at) ? "NaN" : *at > 0 ? "Infinity" : "-Infinity";
  return {Code::kRunFailed,
          std::string("the value ") + name + " came up at element " + std::to_string(at - values.begin())};
}

void merge_pairs(std::array<uint64_t, Histogram::kBins>& counts) {
  std::array<uint64_t, Histogram::kBins> merged{};
  for (size_t i = 0; i < Histogram::kBins; ++i) merged[(i + Histogram::kSideBins) / 2] += counts[i];
  counts = merged;
}

}  // namespace

Status Histogram::add(std::span<const float> values, const Kernels& set) {
  if (values.empty()) return {};
  int32_t low, high;
  set.range(values.data(), values.size(), &low, &high);
  const float min = float_of_key(low) + 0.0f, max = float_of_key(high) + 0.0f;  // no negative zero
  if (!std::isfinite(min) || !std::isfinite(max)) return not_finite(values);
  const std::lock_guard lock(mutex_);
  state_.min = std::min(state_.min, min);
  state_.max = std::max(state_.max, max);
  widen(std::max(std::abs(min), std::abs(max)));
  count(values, set);
  state_.total += values.size();
  return {};
}

Histogram::State Histogram::state() const {
  const std::lock_guard lock(mutex_);
  return state_;
}

void Histogram::widen(float most) {
  while (static_cast<double>(most) >= state_.width * static_cast<double>(kSideBins)) {
    if (state_.total > 0) merge_pairs(state_.counts);
    state_.width *= 2;
  }
}

void Histogram::count(std::span<const float> values, const Kernels& set) {
  // Neighbours fall into the same bin often, and an addition would wait for the one before: each of four in a row has
  // counts of its own.
  constexpr size_t kWays = 4, kBlock = 1024;
  std::array<std::array<uint32_t, kBins>, kWays> counts{};
  std::array<int32_t, kBlock> bins;
  for (size_t start = 0; start < values.size(); start += kBlock) {
    const auto block = values.subspan(start, std::min(kBlock, values.size() - start));
    set.bins(block.data(), block.size(), 1 / state_.width, bins.data());
    size_t i = 0;
    for (; i + kWays <= block.size(); i += kWays) {
      for (size_t way = 0; way < kWays; ++way) ++counts[way][static_cast<size_t>(bins[i + way]) + kSideBins];
    }
    for (; i < block.size(); ++i) ++counts[0][static_cast<size_t>(bins[i]) + kSideBins];
  }
  for (size_t bin = 0; bin < kBins; ++bin) {
    for (size_t way = 0; way < kWays; ++way) state_.counts[bin] += counts[way][bin];
  }
}

}  // namespace ortserve
