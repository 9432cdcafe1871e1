// SPDX-License-Identifier: Apache-2.0
// Finds out how long a batch should wait for company, and for how much, from how the traffic fares.
#pragma once

#include <array>
#include <cstdint>

#include "core/request.h"

namespace ortserve {

/// What one stretch of traffic looked like.
struct TrafficWindow {
  int64_t requests = 0;          ///< that ran in it
  Nanoseconds total_latency{0};  ///< from queued to computed, over all of them
  int64_t peak_rows = 0;         ///< most rows that waited or ran at one time
};

struct BatchTuning {
  Nanoseconds delay{0};     ///< for BatchPolicy::max_delay
  int64_t target_rows = 1;  ///< for BatchPolicy::target_rows: the company that can be expected
};

/// Tries delays from 0 up to the run time of a full batch, keeps the one with the lowest mean latency, and tries again
/// from time to time, less often the longer the choice stands. Mean latency is the measure for both kinds of traffic:
/// where a fixed number of callers wait for their answers, throughput is their number divided by it, and where arrivals
/// do not depend on answers, throughput is given. Pure: knows no clock. Not thread-safe.
class BatchTuner {
 public:
  static constexpr size_t kSteps = 6;

  /// In force until the next window ends.
  BatchTuning tuning() const noexcept { return {delay_of(step_), target_rows_}; }
  /// Ends a window. `full_run`: expected run time of a full batch, 0 when unknown (no delay is tried then).
  void observe(const TrafficWindow& window, Nanoseconds full_run) noexcept;

 private:
  Nanoseconds delay_of(size_t step) const noexcept;
  void try_next_step() noexcept;
  void settle() noexcept;
  void watch(double latency) noexcept;

  std::array<double, kSteps> latency_ = {};  // lowest mean, by step, of the trial in progress; 0: not tried yet
  Nanoseconds full_run_{0};
  int64_t target_rows_ = 1;
  size_t step_ = 0;    // in force
  size_t chosen_ = 0;  // of the last trial
  bool trying_ = true;
  bool settling_ = false;      // the window is still shaped by the step before
  int windows_ = 0;            // since the last trial
  int rest_ = 0;               // windows between trials
  int round_ = 0;              // of the trial in progress
  double recent_latency_ = 0;  // moving average since the last trial
  double usual_latency_ = 0;   // with the chosen step
};

}  // namespace ortserve
