// SPDX-License-Identifier: Apache-2.0
// Symmetric positive definite equations with many right-hand sides, by blocked Cholesky.
#pragma once

#include <cstddef>
#include <optional>

#include "core/solve/tile_grid.h"

namespace ortserve {

/// Solves A X = B in place: `equations` holds A in its triangle of tiles and B in the tiles of the sides, which become
/// X. The diagonal of A is to be positive in padding rows too. Right-looking: rows^3 / 3 + rows^2 sides tile products,
/// on up to `threads` threads, with the same bits for any number of them. Returns the row at which A turned out not to
/// be positive definite, upon which `equations` is spoilt; else nothing.
std::optional<size_t> solve_positive_definite(const TileGrid& equations, const TileKernels& kernels, size_t threads);

}  // namespace ortserve
