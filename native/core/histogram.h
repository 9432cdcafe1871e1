// SPDX-License-Identifier: Apache-2.0
// The distribution of many floats, in a fixed amount of memory.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <mutex>
#include <span>

#include "core/status.h"
#include "core/transform/kernels.h"

namespace ortserve {

/// Bins of equal width, a power of two, from 0 in both directions. A value beyond them doubles the width: pairs of bins
/// then become one, exactly, so that the result does not depend on the order in which values come. Thread-safe.
class Histogram {
 public:
  static constexpr size_t kSideBins = 2048;  ///< on each side of 0
  static constexpr size_t kBins = 2 * kSideBins;

  struct State {
    float min = std::numeric_limits<float>::infinity();  ///< of no values: above `max`
    float max = -std::numeric_limits<float>::infinity();
    double width = 0x1p-40;  ///< of one bin
    uint64_t total = 0;      ///< values counted
    /// Bin i holds what lies in [(i - kSideBins) * width, (i + 1 - kSideBins) * width).
    std::array<uint64_t, kBins> counts{};
  };

  /// Counts all of `values`, or none of them: kRunFailed when one is not finite, since a range over it means nothing.
  Status add(std::span<const float> values, const Kernels& set = kernels());
  State state() const;

 private:
  void widen(float most);
  void count(std::span<const float> values, const Kernels& set);

  mutable std::mutex mutex_;
  State state_;  // guarded
};

}  // namespace ortserve
