// SPDX-License-Identifier: Apache-2.0
#include "core/batch_tuner.h"

#include <algorithm>

namespace ortserve {

namespace {

constexpr int kRounds = 3;  // of a trial: the lowest latency of each step counts, as other processes only raise it
constexpr int kShortestRest = 256;  // windows: a trial takes about a tenth of the time at most ...
constexpr int kLongestRest = 4096;  // ... and less than a hundredth when it keeps finding the same
constexpr int kSoonest = 128;       // windows before traffic that changed is worth another trial
constexpr double kGain = 0.95;      // a delay must lower the latency this much: waiting is not for nothing
constexpr double kHopeless = 2;     // a step this much worse than the best ends the trial
constexpr double kChanged = 1.5;    // the latency moved by this factor: other traffic

}  // namespace

// 0, and then from a sixteenth of a full run in doublings up to the whole of it.
Nanoseconds BatchTuner::delay_of(size_t step) const noexcept {
  return step == 0 ? Nanoseconds{0} : full_run_ / (1 << (kSteps - 1 - step));
}

void BatchTuner::observe(const TrafficWindow& window, Nanoseconds full_run) noexcept {
  if (window.requests == 0) return;
  full_run_ = full_run;
  // Shrinks slowly: callers that pause for one window come back.
  target_rows_ = std::max({window.peak_rows, target_rows_ - target_rows_ / 8 - 1, int64_t{1}});
  if (settling_) {
    settling_ = false;
    return;
  }
  const double latency = static_cast<double>(window.total_latency.count()) / static_cast<double>(window.requests);
  if (!trying_) return watch(latency);
  double& lowest = latency_[step_];
  lowest = lowest == 0 ? latency : std::min(lowest, latency);
  try_next_step();
}

void BatchTuner::try_next_step() noexcept {
  double best = latency_[0];
  for (double latency : latency_) best = latency == 0 ? best : std::min(best, latency);
  // Rows that never have company have nothing to wait for.
  if (full_run_.count() == 0 || target_rows_ <= 1) return settle();
  const bool last = step_ + 1 == kSteps || latency_[step_] > kHopeless * best;
  if (last && ++round_ == kRounds) return settle();
  step_ = last ? 0 : step_ + 1;
  settling_ = true;
}

void BatchTuner::settle() noexcept {
  size_t choice = 0;
  for (size_t step = 1; step < kSteps; ++step) {
    const double wanted = choice == 0 ? kGain * latency_[0] : latency_[choice];
    if (latency_[step] > 0 && latency_[step] < wanted) choice = step;
  }
  rest_ = choice == chosen_ && rest_ > 0 ? std::min(rest_ * 2, kLongestRest) : kShortestRest;
  settling_ = choice != step_;
  chosen_ = choice;
  step_ = choice;
  usual_latency_ = 0;
  windows_ = 0;
  trying_ = false;
}

void BatchTuner::watch(double latency) noexcept {
  recent_latency_ = windows_ == 0 ? latency : recent_latency_ + (latency - recent_latency_) / 16;
  ++windows_;
  if (windows_ == kSoonest / 2) usual_latency_ = recent_latency_;
  const bool changed = windows_ >= kSoonest &&
                       (recent_latency_ > usual_latency_ * kChanged || recent_latency_ < usual_latency_ / kChanged);
  if (windows_ < rest_ && !changed) return;
  if (changed) rest_ = 0;
  latency_ = {};
  round_ = 0;
  trying_ = true;
  settling_ = step_ != 0;
  step_ = 0;
}

}  // namespace ortserve
