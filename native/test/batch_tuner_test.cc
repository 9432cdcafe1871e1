// SPDX-License-Identifier: Apache-2.0
#include "core/batch_tuner.h"

#include <gtest/gtest.h>

#include "test/traffic_simulation.h"

namespace ortserve {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::simulate;
using testing::Traffic;

TEST(BatchTuner, ChangesNothingWithoutTraffic) {
  BatchTuner tuner;
  tuner.observe({}, milliseconds(1));
  EXPECT_EQ(tuner.tuning().delay.count(), 0);
  EXPECT_EQ(tuner.tuning().target_rows, 1);
}

TEST(BatchTuner, NeverWaitsWhenRowsHaveNoCompany) {
  BatchTuner tuner;
  for (int i = 0; i < 10000; ++i) {
    tuner.observe({.requests = 16, .total_latency = milliseconds(1), .peak_rows = 1}, milliseconds(1));
    ASSERT_EQ(tuner.tuning().delay.count(), 0);
  }
}

TEST(BatchTuner, NeverWaitsWhileTheCostIsUnknown) {
  BatchTuner tuner;
  for (int i = 0; i < 1000; ++i) {
    tuner.observe({.requests = 16, .total_latency = milliseconds(1), .peak_rows = 9}, Nanoseconds(0));
    ASSERT_EQ(tuner.tuning().delay.count(), 0);
  }
}

TEST(BatchTuner, GoesBackToNoDelayWhenTheGainIsGone) {
  BatchTuner tuner;
  const auto fare = [&](int windows, auto latency_with) {
    int waiting = 0;
    for (int i = 0; i < windows; ++i) {
      const bool waits = tuner.tuning().delay.count() > 0;
      waiting += waits;
      tuner.observe({.requests = 1, .total_latency = latency_with(waits), .peak_rows = 8}, milliseconds(1));
    }
    return waiting;
  };
  EXPECT_GT(fare(1000, [](bool waits) { return waits ? milliseconds(1) : milliseconds(2); }), 800);
  EXPECT_LT(fare(1000, [](bool waits) { return waits ? milliseconds(2) : milliseconds(1); }), 200);
}

TEST(BatchTuner, TriesLessAndLessOften) {
  BatchTuner tuner;
  int waited = 0;
  for (int i = 0; i < 20000; ++i) {
    const bool waits = tuner.tuning().delay.count() > 0;
    waited += waits;
    tuner.observe({.requests = 1, .total_latency = waits ? microseconds(1100) : microseconds(1000), .peak_rows = 8},
                  milliseconds(1));
  }
  EXPECT_LT(waited, 400);
}

// The delays an operator could have set by hand, against the one found: simulated callers, a simulated model, no clock.
struct Case {
  const char* name;
  Traffic traffic;
};

class BatchTunerAgainstFixed : public ::testing::TestWithParam<Case> {};

TEST_P(BatchTunerAgainstFixed, IsWithinATenthOfTheBestDelay) {
  const Traffic& traffic = GetParam().traffic;
  const auto tuned = simulate(traffic, seconds(3), {});
  auto best = simulate(traffic, milliseconds(400), BatchTuning{Nanoseconds(0), 1});
  for (int delay : {50, 100, 200, 500, 1000, 2000}) {
    const auto fixed = simulate(traffic, milliseconds(400), BatchTuning{microseconds(delay), 64});
    if (fixed.mean_latency < best.mean_latency) best = fixed;
  }
  RecordProperty("tuned_per_second", std::to_string(tuned.per_second));
  RecordProperty("best_per_second", std::to_string(best.per_second));
  EXPECT_GE(tuned.per_second, 0.9 * best.per_second);
  EXPECT_LE(tuned.mean_latency, 1.1 * best.mean_latency);
}

TEST(TrafficOfSeveralInstances, GainsOrKeepsWhenTheyShare) {
  const std::vector<CostCurve::Point> slow = {{1, 10e6}, {2, 16e6}, {4, 28e6}, {8, 54e6}, {16, 106e6}};
  const auto gain = [&](int instances, int callers) {
    const auto served = [&](bool shares) {
      const Traffic traffic{.curve = slow, .callers = callers, .instances = instances, .shares = shares};
      return simulate(traffic, seconds(60), BatchTuning{}).per_second;
    };
    return served(true) / served(false);
  };
  EXPECT_GE(gain(4, 16), 1.02);
  EXPECT_GE(gain(16, 64), 1.03);
  for (int callers : {4, 64, 256}) EXPECT_GE(gain(4, callers), 0.99) << callers << " callers";
}

const std::vector<CostCurve::Point> kMlp = {{1, 33e3}, {4, 36e3}, {16, 102e3}, {32, 201e3}, {64, 398e3}};
const std::vector<CostCurve::Point> kLaunchBound = {{1, 1000e3}, {4, 1050e3}, {16, 1250e3}, {32, 1500e3}, {64, 2000e3}};
const std::vector<CostCurve::Point> kLinear = {{1, 560e3}, {4, 2190e3}, {16, 9730e3}};

INSTANTIATE_TEST_SUITE_P(
    Traffic, BatchTunerAgainstFixed,
    ::testing::Values(Case{"mlp4", {.curve = kMlp, .callers = 4}}, Case{"mlp16", {.curve = kMlp, .callers = 16}},
                      Case{"mlp64", {.curve = kMlp, .callers = 64}},
                      Case{"launch4", {.curve = kLaunchBound, .callers = 4}},
                      Case{"launch16", {.curve = kLaunchBound, .callers = 16}},
                      Case{"launch16slow", {.curve = kLaunchBound, .callers = 16, .serial_us = 12}},
                      Case{"launch64", {.curve = kLaunchBound, .callers = 64}},
                      Case{"launch256", {.curve = kLaunchBound, .callers = 256}},
                      Case{"linear16", {.curve = kLinear, .callers = 16}},
                      Case{"mlpOpen", {.curve = kMlp, .per_second = 20e3}},
                      Case{"launchOpen", {.curve = kLaunchBound, .per_second = 2e3}},
                      Case{"launchOpenBusy", {.curve = kLaunchBound, .per_second = 15e3}}),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace ortserve
