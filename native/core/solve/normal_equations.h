// SPDX-License-Identifier: Apache-2.0
// Linear least squares over more rows than fit in memory.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "core/solve/tile_grid.h"
#include "core/status.h"

namespace ortserve {

/// Finds the layer (weights and bias) that maps rows x to rows y best, staying near a given one: with each x extended
/// by a 1, (X^T X + lambda I) W = X^T Y + lambda W0, lambda being `ratio` times the mean of the diagonal of X^T X. That
/// is ridge regression drawn towards W0 instead of towards 0.
///
/// Rows gather in float panels of kDepth; a full panel is multiplied at the speed of float, and each of its sums, over
/// kDepth products, is added to a total in double. A total of n rows so errs by what kDepth float additions cost (about
/// 1e-6 of the diagonal), however large n is; in float alone the error would grow with n and lambda could not cover it.
/// The solution is computed in double, since X^T X may well have a condition of 1e7.
///
/// Memory for D = dimension + 1: 4 D (D + 2 outputs) bytes of totals and 4 kDepth (D + outputs) of panels from the
/// first row on; solve() needs the totals a second time. D = 6000: 150 MB, and 300 MB in solve().
///
/// Totals depend neither on how rows are parted into calls nor on the number of threads. One thread at a time.
class NormalEquations {
 public:
  static constexpr size_t kMaxDimension = 8192;
  static constexpr size_t kMaxOutputs = 1 << 16;
  static constexpr size_t kDepth = 256;

  /// `dimension`: values of a row of x, 1 .. kMaxDimension; `outputs`: of a row of y, 1 .. kMaxOutputs.
  static Result<NormalEquations> create(size_t dimension, size_t outputs, const TileKernels& kernels = tile_kernels());

  size_t dimension() const noexcept { return dimension_; }
  size_t outputs() const noexcept { return outputs_; }
  /// Rows added.
  size_t rows() const noexcept { return rows_; }

  /// Adds rows [rows, dimension] of x and [rows, outputs] of y. Changes nothing when it fails: kInvalidArgument for
  /// sizes that are no whole rows or not equally many, kInvalidInput for a value that is not finite, kOutOfMemory.
  Status add(std::span<const float> x, std::span<const float> y, size_t threads);

  /// `anchor` and the result: [outputs, dimension + 1], each row the weights of an output and its bias. `ratio` >= 0.
  /// kInvalidArgument: sizes, no rows, a ratio or an anchor that is not finite. kSingular: the rows do not determine
  /// the weights and `ratio` is too small to. kOutOfMemory. More rows may follow, or another ratio.
  Result<std::vector<float>> solve(std::span<const float> anchor, double ratio, size_t threads);

 private:
  NormalEquations(size_t dimension, size_t outputs, const TileKernels& kernels);

  void allocate();
  void append(const float* x, const float* y);
  void flush(size_t threads);
  double mean_diagonal() const;
  TileGrid regularised(std::span<const float> anchor, double lambda) const;

  const TileKernels* kernels_;
  size_t dimension_;
  size_t outputs_;
  size_t rows_ = 0;
  TileGrid totals_;             // X^T X beside X^T Y
  AlignedArray<float> panels_;  // [columns of tiles, kDepth, kTile]
  size_t waiting_ = 0;          // rows in the panels
};

}  // namespace ortserve
