// SPDX-License-Identifier: Apache-2.0
// Callers, a queue and a model in simulated time: batch_plan and BatchTuner as they are, everything else made of
// numbers.
#pragma once

#include <deque>
#include <optional>
#include <queue>
#include <random>
#include <vector>

#include "core/batch_plan.h"
#include "core/batch_tuner.h"
#include "core/cost_curve.h"

namespace ortserve::testing {

/// Either `callers` that each wait for their answer before they ask again, or arrivals at random, `per_second`.
struct Traffic {
  std::vector<CostCurve::Point> curve;
  int callers = 0;
  double per_second = 0;
  double serial_us = 2;  ///< one thread takes in all requests, and each costs it this long
  int instances = 1;     ///< each on cores of its own
  bool shares = true;    ///< else the first free instance takes all it can
};

struct Outcome {
  double per_second = 0;
  double mean_latency = 0;  ///< nanoseconds
};

class TrafficSimulation {
 public:
  TrafficSimulation(const Traffic& traffic, std::optional<BatchTuning> fixed)
      : traffic_(traffic), curve_(traffic.curve), fixed_(fixed) {
    policy_.max_rows = curve_.efficient_rows(Nanoseconds(0));
    policy_.worthwhile_rows = curve_.worthwhile_rows();
    policy_.patience = 2 * curve_.cost(policy_.max_rows);
    if (traffic.shares) policy_.instances = traffic.instances;
    runs_.resize(static_cast<size_t>(traffic.instances));
    apply(fixed ? *fixed : tuner_.tuning());
  }

  Outcome run(Nanoseconds length) {
    const TimePoint end = now_ + length;
    for (int i = 0; i < traffic_.callers; ++i) call_at(now_ + micros(5 + i));
    if (traffic_.callers == 0) call_at(now_);
    while (!events_.empty() && events_.top().when < end) {
      const Event event = events_.top();
      events_.pop();
      now_ = event.when;
      if (timer_ <= now_) timer_ = TimePoint::max();
      if (event.kind == Event::kCall) call();
      if (event.kind == Event::kDone) done(runs_[event.run]);
      for (Run& run : runs_) start(run);
    }
    const auto done = static_cast<double>(done_);
    return {done / std::chrono::duration<double>(length).count(), static_cast<double>(latency_.count()) / done};
  }

 private:
  struct Event {
    TimePoint when;
    enum Kind { kCall, kWake, kDone } kind;
    size_t run = 0;
    bool operator>(const Event& other) const { return when > other.when; }
  };
  using Run = std::vector<TimePoint>;  // when each of its requests was queued; empty: the instance is free
  static Nanoseconds micros(double count) { return Nanoseconds(static_cast<int64_t>(count * 1000)); }
  double random(double low, double high) { return std::uniform_real_distribution<double>(low, high)(random_); }

  // A request reaches the queue when the one thread that reads them has come to it.
  void call_at(TimePoint when) {
    reader_free_ = std::max(reader_free_, when) + micros(traffic_.serial_us);
    events_.push({reader_free_, Event::kCall});
  }
  void call() {
    queue_.push_back({1, 1, now_, kNoDeadline, false});
    window_.peak_rows = std::max(window_.peak_rows, rows());
    if (traffic_.callers == 0) {
      call_at(now_ + micros(std::exponential_distribution<double>(traffic_.per_second / 1e6)(random_)));
    }
  }
  void start(Run& run) {
    if (!run.empty()) return;
    crowd_.see(rows());
    plan_batch(queue_, policy_, {.busy_runners = busy_, .rows = crowd_.rows()}, now_, plan_);
    if (plan_.wake < timer_) {
      timer_ = plan_.wake;
      events_.push({timer_, Event::kWake});
    }
    if (plan_.take.empty()) return;
    for (uint32_t index : plan_.take) run.push_back(queue_[index].queued);
    const auto count = static_cast<std::ptrdiff_t>(run.size());
    queue_.erase(queue_.begin(), queue_.begin() + count);
    running_ += count;
    ++busy_;
    const double cost = static_cast<double>(curve_.cost(count).count()) / 1000 * random(0.95, 1.15);
    events_.push({now_ + micros(8 + cost), Event::kDone, static_cast<size_t>(&run - runs_.data())});
  }
  void done(Run& run) {
    for (TimePoint queued : run) {
      latency_ += now_ - queued;
      window_.total_latency += now_ - queued;
      if (traffic_.callers > 0) call_at(now_ + micros(random(5, 25)));
    }
    const auto count = static_cast<int64_t>(run.size());
    done_ += count;
    window_.requests += count;
    running_ -= count;
    --busy_;
    run.clear();
    if (!fixed_ && ++batches_ >= 16 && now_ - window_start_ >= std::chrono::milliseconds(10)) end_window();
  }
  void end_window() {
    tuner_.observe(window_, curve_.cost(policy_.max_rows));
    apply(tuner_.tuning());
    window_ = {};
    window_start_ = now_;
    batches_ = 0;
  }
  int64_t rows() const { return static_cast<int64_t>(queue_.size()) + running_; }
  void apply(BatchTuning tuning) {
    policy_.max_delay = tuning.delay;
    policy_.target_rows = std::min(tuning.target_rows, policy_.max_rows);
  }

  const Traffic& traffic_;
  const CostCurve curve_;
  const std::optional<BatchTuning> fixed_;
  BatchTuner tuner_;
  BatchPolicy policy_;
  BatchPlan plan_;
  std::mt19937 random_{42};
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
  std::vector<QueuedEntry> queue_;
  std::vector<Run> runs_;
  Crowd crowd_;
  TrafficWindow window_;
  TimePoint now_{std::chrono::seconds(1)};
  TimePoint window_start_ = now_;
  TimePoint reader_free_{};
  TimePoint timer_ = TimePoint::max();  // the earliest wake set and not yet due
  Nanoseconds latency_{0};
  int64_t running_ = 0;  // rows
  int busy_ = 0;         // runs
  int64_t done_ = 0;
  int batches_ = 0;
};

/// `fixed`: that delay and target all the time; otherwise a BatchTuner sets them.
inline Outcome simulate(const Traffic& traffic, Nanoseconds length, std::optional<BatchTuning> fixed) {
  return TrafficSimulation(traffic, fixed).run(length);
}

}  // namespace ortserve::testing
