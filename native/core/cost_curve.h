// SPDX-License-Identifier: Apache-2.0
// How long a batch of b rows takes: measured at load, corrected while serving.
#pragma once

#include <mutex>
#include <vector>

#include "core/request.h"
#include "core/runner.h"

namespace ortserve {

/// Piecewise-linear time over rows. Reads and updates are thread-safe.
class CostCurve {
 public:
  struct Point {
    int64_t rows;
    double nanoseconds;
    bool guessed = false;  ///< continued from measured ones; see extend_cost_curve()
  };

  CostCurve() = default;
  explicit CostCurve(std::vector<Point> points);  ///< ascending rows; empty: unknown
  CostCurve(const CostCurve& other);
  CostCurve& operator=(const CostCurve& other);

  bool known() const noexcept;
  /// Expected run time of `rows` rows; 0 when unknown. Beyond the last point: its per-row cost.
  Nanoseconds cost(int64_t rows) const noexcept;
  /// The same when nothing else uses the cores: what was measured at load, or less when runs have been quicker since.
  Nanoseconds least_cost(int64_t rows) const noexcept;
  /// Smallest measured row count whose per-row cost is within 5 % of the best, and whose run time is at most `ceiling`
  /// (0: no ceiling). At least 1. This is the row cap of a batch: more rows would add latency and gain nothing.
  int64_t efficient_rows(Nanoseconds ceiling) const noexcept;
  /// Smallest row count whose per-row cost is within 25 % of the best: below it, waiting for a running batch to finish
  /// costs less than starting a small one beside it.
  int64_t worthwhile_rows() const noexcept;
  /// Moves the cost of all row counts, or the nearest guessed points, towards an observed run (weight 1/16). The shape
  /// that was measured stays: with other work on the same cores every run takes longer, and only sizes that are run
  /// would be seen to.
  void observe(int64_t rows, Nanoseconds elapsed) noexcept;
  std::vector<Point> points() const;

 private:
  mutable std::mutex mutex_;
  std::vector<Point> points_;
  double slowdown_ = 1;  // what a run takes now, over what points_ say
};

/// Continues a curve whose per-row cost still fell where it ends: in doublings up to `max_rows`, along the line through
/// the last two points, until a doubling no longer gains. A guess, which observe() corrects; without it, batches would
/// never grow to the sizes that were not measured. Fewer than two points stay as they are.
void extend_cost_curve(std::vector<CostCurve::Point>& points, int64_t max_rows);

/// Times `runner` on synthetic inputs at 1, 2, 4, ... rows up to `max_rows`, a few runs each, until a doubling no
/// longer gains or `budget` is spent; what the budget did not reach is extended. Not batched: one point at 1. Unknown
/// when the model refuses synthetic inputs.
CostCurve measure_cost_curve(Runner& runner, const ModelSpec& spec, BufferPool& pool, int64_t max_rows,
                             Nanoseconds budget);

}  // namespace ortserve
