// SPDX-License-Identifier: Apache-2.0
#include "core/solve/cholesky.h"

#include <utility>

#include "core/solve/parallel.h"

namespace ortserve {

namespace {

// A = transpose(U) U; the tiles behind the diagonal, right-hand sides included, are divided by transpose(U) on the way.
std::optional<size_t> eliminate_downwards(const TileGrid& grid, const TileKernels& kernels, size_t threads) {
  for (size_t k = 0; k < grid.rows(); ++k) {
    const size_t factored = kernels.factor(grid.tile(k, k));
    if (factored < kTile) return k * kTile + factored;
    const size_t behind = k + 1;
    parallel_for(threads, grid.columns() - behind,
                 [&](size_t j) { kernels.solve_transposed(grid.tile(k, k), grid.tile(k, behind + j)); });
    parallel_for(threads, grid.rows() - behind, [&](size_t below) {
      const size_t i = behind + below;
      for (size_t j = i; j < grid.columns(); ++j) kernels.subtract(grid.tile(k, i), grid.tile(k, j), grid.tile(i, j));
    });
  }
  return std::nullopt;
}

void transpose(double* tile) {
  for (size_t i = 0; i < kTile; ++i) {
    for (size_t j = 0; j < i; ++j) std::swap(tile[i * kTile + j], tile[j * kTile + i]);
  }
}

// U X = what eliminate_downwards() left of B: each column of tiles on its own. Tile products transpose their left side,
// so that U is transposed tile by tile before.
void substitute_upwards(const TileGrid& grid, const TileKernels& kernels, size_t threads) {
  parallel_for(threads, grid.rows(), [&](size_t i) {
    for (size_t k = i + 1; k < grid.rows(); ++k) transpose(grid.tile(i, k));
  });
  parallel_for(threads, grid.columns() - grid.rows(), [&](size_t side) {
    const size_t j = grid.rows() + side;
    for (size_t k = grid.rows(); k-- > 0;) {
      kernels.solve(grid.tile(k, k), grid.tile(k, j));
      for (size_t i = 0; i < k; ++i) kernels.subtract(grid.tile(i, k), grid.tile(k, j), grid.tile(i, j));
    }
  });
}

}  // namespace

std::optional<size_t> solve_positive_definite(const TileGrid& equations, const TileKernels& kernels, size_t threads) {
  const auto failed = eliminate_downwards(equations, kernels, threads);
  if (!failed) substitute_upwards(equations, kernels, threads);
  return failed;
}

}  // namespace ortserve
