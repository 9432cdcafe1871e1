// SPDX-License-Identifier: Apache-2.0
#include "core/batch_tuner.h"

#include <algorithm>

namespace ortserve {

namespace {

constexpr int kShortestRest = 128;  // windows: a trial takes a tenth of the time at most ...
constexpr int kLongestRest = 2048;  // ... and less than a hundredth when it keeps finding the same
constexpr int kSoonest = 32;        // windows before traffic that changed is worth another trial
constexpr double kGain = 0.95;      // a delay must lower the latency this much: waiting is not for nothing
constexpr double kHopeless = 2;     // a step this much worse than the best ends the trial
constexpr double kChanged = 1.3;    // the latency moved by this factor: other traffic

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
  latency_[step_] = latency;
  try_next_step();
}

void BatchTuner::try_next_step() noexcept {
  const auto tried = latency_.begin() + static_cast<ptrdiff_t>(step_) + 1;
  const double best = *std::min_element(latency_.begin(), tried);
  // Rows that never have company have nothing to wait for.
  const bool done = step_ + 1 == kSteps || full_run_.count() == 0 || target_rows_ <= 1;
  if (done || latency_[step_] > kHopeless * best) {
    std::fill(tried, latency_.end(), kHopeless * best);
    return settle();
  }
  ++step_;
  settling_ = true;
}

void BatchTuner::settle() noexcept {
  const auto best = static_cast<size_t>(std::ranges::min_element(latency_) - latency_.begin());
  const size_t choice = latency_[best] < kGain * latency_[0] ? best : 0;
  rest_ = choice == chosen_ && rest_ > 0 ? std::min(rest_ * 2, kLongestRest) : kShortestRest;
  settling_ = choice != step_;
  chosen_ = choice;
  step_ = choice;
  usual_latency_ = latency_[choice];
  windows_ = 0;
  trying_ = false;
}

void BatchTuner::watch(double latency) noexcept {
  ++windows_;
  const bool changed = latency > usual_latency_ * kChanged || latency < usual_latency_ / kChanged;
  if (windows_ < rest_ && !(changed && windows_ >= kSoonest)) {
    usual_latency_ += (latency - usual_latency_) / 16;
    return;
  }
  if (changed) rest_ = 0;
  trying_ = true;
  settling_ = step_ != 0;
  step_ = 0;
}

}  // namespace ortserve
