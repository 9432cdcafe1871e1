// SPDX-License-Identifier: Apache-2.0
// A plain solver in double to compare with: its loops are the textbook's.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "core/solve/tile_kernels.h"

namespace ortserve::testing {

using Matrix = std::vector<std::vector<double>>;

inline std::vector<float> random_floats(std::mt19937& random, size_t count, float scale = 1) {
  std::normal_distribution<float> normal(0, scale);
  std::vector<float> values(count);
  for (float& value : values) value = normal(random);
  return values;
}

/// X of A X = B, by Gaussian elimination with row exchanges.
inline Matrix eliminate(Matrix a, Matrix b) {
  const size_t n = a.size();
  for (size_t k = 0; k < n; ++k) {
    size_t best = k;
    for (size_t i = k; i < n; ++i) {
      if (std::abs(a[i][k]) > std::abs(a[best][k])) best = i;
    }
    std::swap(a[k], a[best]);
    std::swap(b[k], b[best]);
    for (size_t i = k + 1; i < n; ++i) {
      const double factor = a[i][k] / a[k][k];
      for (size_t j = k; j < n; ++j) a[i][j] -= factor * a[k][j];
      for (size_t j = 0; j < b[i].size(); ++j) b[i][j] -= factor * b[k][j];
    }
  }
  for (size_t k = n; k-- > 0;) {
    for (size_t j = 0; j < b[k].size(); ++j) {
      for (size_t i = k + 1; i < n; ++i) b[k][j] -= a[k][i] * b[i][j];
      b[k][j] /= a[k][k];
    }
  }
  return b;
}

/// Calls `body` with each set of tile kernels that this CPU can run.
template <typename Body>
void with_each_tile_kernels(Body&& body) {
  for (const TileKernels* kernels : usable_tile_kernels()) {
    SCOPED_TRACE(kernels->name);
    body(*kernels);
  }
}

}  // namespace ortserve::testing
