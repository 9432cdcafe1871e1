// SPDX-License-Identifier: Apache-2.0
#include "core/cost_curve.h"

#include <gtest/gtest.h>

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
