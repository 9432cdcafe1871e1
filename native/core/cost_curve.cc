// SPDX-License-Identifier: Apache-2.0
#include "core/cost_curve.h"

#include <algorithm>
#include <array>

#include "core/synthetic_inputs.h"

namespace ortserve {

namespace {

double per_row(const CostCurve::Point& point) noexcept {
  return point.nanoseconds / static_cast<double>(point.rows);
}

// Smallest measured row count whose per-row cost is within `tolerance` of the best one under the ceiling.
int64_t smallest_within(const std::vector<CostCurve::Point>& points, double tolerance, double ceiling) {
  const auto allowed = [&](const CostCurve::Point& point) { return ceiling == 0 || point.nanoseconds <= ceiling; };
  double best = 0;
  for (const auto& point : points) {
    if (allowed(point) && (best == 0 || per_row(point) < best)) best = per_row(point);
  }
  for (const auto& point : points) {
    if (allowed(point) && per_row(point) <= best * tolerance) return point.rows;
  }
  return 1;
}

double interpolate(const std::vector<CostCurve::Point>& points, int64_t rows) noexcept {
  const auto next = std::ranges::lower_bound(points, rows, {}, &CostCurve::Point::rows);
  if (next == points.end()) return per_row(points.back()) * static_cast<double>(rows);
  if (next->rows == rows || next == points.begin()) return next->nanoseconds;
  const auto& before = *(next - 1);
  const double share = static_cast<double>(rows - before.rows) / static_cast<double>(next->rows - before.rows);
  return before.nanoseconds + share * (next->nanoseconds - before.nanoseconds);
}

// The last two doublings saved less than is worth another one.
bool is_flat(const std::vector<CostCurve::Point>& points) noexcept {
  constexpr double kNoGain = 0.97;
  const size_t size = points.size();
  const auto gains = [&](size_t i) { return per_row(points[i]) <= kNoGain * per_row(points[i - 1]); };
  return size >= 3 && !gains(size - 1) && !gains(size - 2);
}

// The fastest of a few runs: what the model costs when nothing disturbs it.
double fastest_run(Runner& runner, const std::vector<Tensor>& inputs, const std::vector<uint16_t>& wanted,
                   Nanoseconds budget) {
  constexpr int kMostRuns = 7;
  const std::vector<bool> present(inputs.size(), true);
  const TimePoint end = Clock::now() + budget;
  double best = 0;
  for (int run = 0; run < kMostRuns && (run < 2 || Clock::now() < end); ++run) {
    std::vector<Value> outputs;
    const TimePoint start = Clock::now();
    if (!runner.run(inputs, present, wanted, outputs, nullptr).ok()) return 0;
    const auto elapsed = static_cast<double>((Clock::now() - start).count());
    if (run > 0 && (best == 0 || elapsed < best)) best = elapsed;  // the first run warms up
  }
  return best;
}

}  // namespace

CostCurve::CostCurve(std::vector<Point> points) : points_(std::move(points)) {}

CostCurve::CostCurve(const CostCurve& other) : points_(other.points()) {}

CostCurve& CostCurve::operator=(const CostCurve& other) {
  if (this == &other) return *this;
  auto points = other.points();
  const std::lock_guard lock(mutex_);
  points_ = std::move(points);
  return *this;
}

bool CostCurve::known() const noexcept {
  const std::lock_guard lock(mutex_);
  return !points_.empty();
}

Nanoseconds CostCurve::cost(int64_t rows) const noexcept {
  const std::lock_guard lock(mutex_);
  if (points_.empty()) return Nanoseconds{0};
  return Nanoseconds{static_cast<int64_t>(slowdown_ * interpolate(points_, rows))};
}

Nanoseconds CostCurve::least_cost(int64_t rows) const noexcept {
  const std::lock_guard lock(mutex_);
  if (points_.empty()) return Nanoseconds{0};
  return Nanoseconds{static_cast<int64_t>(std::min(slowdown_, 1.0) * interpolate(points_, rows))};
}

int64_t CostCurve::efficient_rows(Nanoseconds ceiling) const noexcept {
  const std::lock_guard lock(mutex_);
  return smallest_within(points_, 1.05, static_cast<double>(ceiling.count()) / slowdown_);
}

int64_t CostCurve::worthwhile_rows() const noexcept {
  const std::lock_guard lock(mutex_);
  return smallest_within(points_, 1.25, 0);
}

void CostCurve::observe(int64_t rows, Nanoseconds elapsed) noexcept {
  constexpr double kWeight = 1.0 / 16;
  constexpr double kMostRatio = 4;  // a preempted run says little about the model
  const std::lock_guard lock(mutex_);
  if (points_.empty() || rows > points_.back().rows) return;
  const double expected = slowdown_ * interpolate(points_, rows);
  if (expected <= 0) return;
  const double ratio = std::min(static_cast<double>(elapsed.count()) / expected, kMostRatio);
  const double correction = 1 + (ratio - 1) * kWeight;
  const auto upper = std::ranges::lower_bound(points_, rows, {}, &Point::rows);
  if (!upper->guessed) {
    slowdown_ *= correction;
    return;
  }
  upper->nanoseconds *= correction;
  if (upper->rows != rows && (upper - 1)->guessed) (upper - 1)->nanoseconds *= correction;
}

void extend_cost_curve(std::vector<CostCurve::Point>& points, int64_t max_rows) {
  if (points.size() < 2) return;
  const auto& last = points.back();
  const auto& before = points[points.size() - 2];
  // Noise can make the slope negative; no model runs rows for nothing.
  const double least = per_row(last) / 16;
  const double slope =
      std::max((last.nanoseconds - before.nanoseconds) / static_cast<double>(last.rows - before.rows), least);
  while (points.back().rows * 2 <= max_rows && !is_flat(points)) {
    const CostCurve::Point end = points.back();
    points.push_back({end.rows * 2, end.nanoseconds + slope * static_cast<double>(end.rows), true});
  }
}

std::vector<CostCurve::Point> CostCurve::points() const {
  const std::lock_guard lock(mutex_);
  return points_;
}

CostCurve measure_cost_curve(Runner& runner, const ModelSpec& spec, BufferPool& pool, int64_t max_rows,
                             Nanoseconds budget) {
  const int64_t dynamic_dim = runnable_dynamic_dim(runner, spec, pool);
  const int64_t reach = spec.batched ? max_rows : 1;
  const auto wanted = all_outputs(spec);
  const TimePoint end = Clock::now() + budget;
  // One point shows no slope: of a model that spends the budget with one row, two rows are still measured.
  const auto spent = [&](const std::vector<CostCurve::Point>& points) {
    if (points.size() == 1) return points[0].nanoseconds > static_cast<double>(budget.count());
    return points.size() > 1 && Clock::now() >= end;
  };
  std::vector<CostCurve::Point> points;
  for (int64_t rows = 1; dynamic_dim > 0 && rows <= reach && !is_flat(points); rows *= 2) {
    if (spent(points)) {
      extend_cost_curve(points, reach);
      break;
    }
    auto inputs = synthetic_inputs(spec, pool, rows, dynamic_dim);
    if (!inputs.ok()) break;
    const double elapsed = fastest_run(runner, *inputs, wanted, budget / 8);
    if (elapsed == 0) break;
    points.push_back({rows, elapsed});
  }
  return CostCurve(std::move(points));
}

}  // namespace ortserve
