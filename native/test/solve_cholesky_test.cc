// SPDX-License-Identifier: Apache-2.0
#include "core/solve/cholesky.h"

#include <atomic>
#include <cstring>

#include "core/solve/parallel.h"
#include "solve_fixture.h"

namespace ortserve {
namespace {

using testing::Matrix;

TEST(ParallelFor, CallsEachIndexOnce) {
  for (const size_t threads : {size_t{0}, size_t{1}, size_t{2}, size_t{7}}) {
    std::vector<std::atomic<int>> calls(100);
    parallel_for(threads, calls.size(), [&](size_t i) { ++calls[i]; });
    for (const auto& count : calls) EXPECT_EQ(count, 1);
  }
  parallel_for(4, 0, [](size_t) { ADD_FAILURE(); });
}

// Random, and positive definite by its diagonal.
Matrix random_definite(std::mt19937& random, size_t n) {
  std::uniform_real_distribution<double> uniform(-1, 1);
  Matrix a(n, std::vector<double>(n));
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = 0; j <= i; ++j) a[i][j] = a[j][i] = uniform(random);
    a[i][i] += static_cast<double>(n);
  }
  return a;
}

TileGrid fill(const Matrix& a, const Matrix& b) {
  TileGrid grid(a.size() / kTile, b[0].size() / kTile);
  for (size_t i = 0; i < a.size(); ++i) {
    for (size_t j = i / kTile * kTile; j < a.size() + b[0].size(); ++j) {
      grid.tile(i / kTile, j / kTile)[(i % kTile) * kTile + j % kTile] = j < a.size() ? a[i][j] : b[i][j - a.size()];
    }
  }
  return grid;
}

TEST(SolvePositiveDefinite, AgreesWithGaussianElimination) {
  std::mt19937 random(11);
  std::normal_distribution<double> normal;
  for (const auto& [rows, sides] : {std::pair<size_t, size_t>{1, 1}, {2, 1}, {3, 2}}) {
    const Matrix a = random_definite(random, rows * kTile);
    Matrix b(rows * kTile, std::vector<double>(sides * kTile));
    for (auto& row : b) {
      for (double& value : row) value = normal(random);
    }
    const Matrix expected = testing::eliminate(a, b);
    testing::with_each_tile_kernels([&](const TileKernels& kernels) {
      const TileGrid grid = fill(a, b);
      ASSERT_EQ(solve_positive_definite(grid, kernels, 3), std::nullopt);
      for (size_t i = 0; i < expected.size(); ++i) {
        for (size_t j = 0; j < expected[i].size(); ++j) {
          ASSERT_NEAR(grid.tile(i / kTile, rows + j / kTile)[(i % kTile) * kTile + j % kTile], expected[i][j], 1e-12);
        }
      }
    });
  }
}

TEST(SolvePositiveDefinite, NamesTheRowThatFails) {
  std::mt19937 random(12);
  const size_t n = 2 * kTile;
  const Matrix b(n, std::vector<double>(kTile));
  testing::with_each_tile_kernels([&](const TileKernels& kernels) {
    for (const size_t at : {size_t{0}, size_t{40}, kTile, n - 1}) {
      Matrix a = random_definite(random, n);
      a[at][at] = -1;
      EXPECT_EQ(solve_positive_definite(fill(a, b), kernels, 2), at);
      a[at][at] = HUGE_VAL;
      EXPECT_EQ(solve_positive_definite(fill(a, b), kernels, 2), at);
    }
  });
}

}  // namespace
}  // namespace ortserve
