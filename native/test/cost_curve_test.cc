// SPDX-License-Identifier: Apache-2.0
#include "core/cost_curve.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "test/fake_runner.h"

namespace ortserve {
namespace {

using testing::FakeRunner;
using testing::sum_spec;

TEST(CostCurve, AnUnknownCurvePromisesNothing) {
  const CostCurve curve;
  EXPECT_FALSE(curve.known());
  EXPECT_EQ(curve.cost(7).count(), 0);
  EXPECT_EQ(curve.efficient_rows(Nanoseconds(0)), 1);
}

TEST(CostCurve, InterpolatesAndExtrapolatesPerRow) {
  const CostCurve curve({{1, 100}, {4, 160}, {8, 240}});
  EXPECT_EQ(curve.cost(1).count(), 100);
  EXPECT_EQ(curve.cost(2).count(), 120);
  EXPECT_EQ(curve.cost(8).count(), 240);
  EXPECT_EQ(curve.cost(16).count(), 480);
}

TEST(CostCurve, CapsWhereMoreRowsGainNothing) {
  const CostCurve mlp({{1, 33e3}, {4, 36e3}, {16, 102e3}, {32, 201e3}, {64, 398e3}});
  EXPECT_EQ(mlp.efficient_rows(Nanoseconds(0)), 16);
  EXPECT_EQ(mlp.worthwhile_rows(), 16);
  EXPECT_EQ(mlp.efficient_rows(std::chrono::microseconds(50)), 4);
  const CostCurve cnn({{1, 0.56e6}, {4, 2.19e6}, {16, 9.73e6}});
  EXPECT_EQ(cnn.efficient_rows(Nanoseconds(0)), 1);
}

TEST(CostCurve, FollowsWhatItSeesAndDistrustsOutliers) {
  CostCurve curve({{1, 100}, {2, 200}});
  for (int i = 0; i < 200; ++i) curve.observe(1, Nanoseconds(150));
  EXPECT_NEAR(static_cast<double>(curve.cost(1).count()), 150, 5);
  const double before = static_cast<double>(curve.cost(2).count());
  curve.observe(2, std::chrono::seconds(10));
  EXPECT_LT(static_cast<double>(curve.cost(2).count()), before * 1.25);
}

// What it is run with costs more while others use the cores; what it is not run with would look cheap beside it.
TEST(CostCurve, KeepsItsShapeWhenEveryRunIsSlower) {
  CostCurve curve({{1, 33e3}, {4, 36e3}, {16, 102e3}, {32, 201e3}, {64, 398e3}});
  for (int i = 0; i < 500; ++i) curve.observe(16, Nanoseconds(204'000));
  EXPECT_NEAR(static_cast<double>(curve.cost(16).count()), 204e3, 2e3);
  EXPECT_NEAR(static_cast<double>(curve.cost(64).count()), 796e3, 8e3);
  EXPECT_EQ(curve.efficient_rows(Nanoseconds(0)), 16);
  EXPECT_EQ(curve.efficient_rows(std::chrono::microseconds(110)), 4) << "the ceiling is one of what runs take now";
  EXPECT_EQ(curve.least_cost(16), Nanoseconds(102'000)) << "as it was when nothing else ran";
}

TEST(CostCurve, CorrectsWhatItGuessed) {
  std::vector<CostCurve::Point> points = {{1, 88e6}, {2, 108e6}};
  extend_cost_curve(points, 64);
  CostCurve curve(points);
  for (int i = 0; i < 500; ++i) curve.observe(64, std::chrono::milliseconds(4000));
  EXPECT_NEAR(static_cast<double>(curve.cost(64).count()), 4000e6, 40e6);
  EXPECT_EQ(curve.cost(2), std::chrono::milliseconds(108)) << "was measured";
}

TEST(CostCurve, ExtendsALineThatStillFalls) {
  // 68 ms a run and 20 ms a row.
  std::vector<CostCurve::Point> points = {{1, 88e6}, {2, 108e6}};
  extend_cost_curve(points, 64);
  ASSERT_EQ(points.size(), 7u);
  EXPECT_EQ(points.back().rows, 64);
  EXPECT_DOUBLE_EQ(points.back().nanoseconds, 68e6 + 64 * 20e6);
  EXPECT_GE(CostCurve(points).efficient_rows(Nanoseconds(0)), 32);
}

TEST(CostCurve, ExtendsNothingThatGainsNothing) {
  std::vector<CostCurve::Point> linear = {{1, 10e6}, {2, 20e6}, {4, 40e6}};
  extend_cost_curve(linear, 64);
  EXPECT_EQ(linear.size(), 3u);
  std::vector<CostCurve::Point> one = {{1, 10e6}};
  extend_cost_curve(one, 64);
  EXPECT_EQ(one.size(), 1u);
}

TEST(CostCurve, NeverBelievesThatRowsAreFree) {
  std::vector<CostCurve::Point> noisy = {{1, 12e6}, {2, 10e6}};
  extend_cost_curve(noisy, 64);
  for (size_t i = 2; i < noisy.size(); ++i) EXPECT_GT(noisy[i].nanoseconds, noisy[i - 1].nanoseconds);
}

TEST(CostCurve, ReachesBeyondWhatTheBudgetCouldMeasure) {
  BufferPool pool({});
  FakeRunner runner(pool);
  runner.before_run = [](const Tensor& input) {  // 2 ms a run, 10 us a row
    const TimePoint end = Clock::now() + std::chrono::microseconds(2000 + 10 * input.shape[0]);
    while (Clock::now() < end) std::this_thread::yield();
    return Status();
  };
  const CostCurve curve = measure_cost_curve(runner, sum_spec(), pool, 1 << 20, std::chrono::milliseconds(60));
  const auto seen = runner.rows_seen();
  EXPECT_GT(curve.points().back().rows, *std::ranges::max_element(seen));
}

TEST(CostCurve, EndsWhereTheModelRefusesMoreRows) {
  BufferPool pool({});
  FakeRunner runner(pool);
  runner.before_run = [](const Tensor& input) {
    return input.shape[0] > 4 ? Status(Code::kRunFailed, "too many rows") : Status();
  };
  const CostCurve curve = measure_cost_curve(runner, sum_spec(), pool, 64, std::chrono::seconds(5));
  EXPECT_LE(curve.points().back().rows, 4);
}

TEST(CostCurve, MeasuresAModel) {
  BufferPool pool({});
  FakeRunner runner(pool);
  const CostCurve curve = measure_cost_curve(runner, sum_spec(), pool, 8, std::chrono::milliseconds(50));
  ASSERT_TRUE(curve.known());
  EXPECT_EQ(curve.points().front().rows, 1);
  EXPECT_GT(curve.cost(1).count(), 0);
}

TEST(CostCurve, StaysUnknownWhenTheModelRefusesSyntheticInputs) {
  BufferPool pool({});
  FakeRunner runner(pool);
  runner.before_run = [](const Tensor&) { return Status(Code::kRunFailed, "no"); };
  EXPECT_FALSE(measure_cost_curve(runner, sum_spec(), pool, 8, std::chrono::milliseconds(50)).known());
}

}  // namespace
}  // namespace ortserve
