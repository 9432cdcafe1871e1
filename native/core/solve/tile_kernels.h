// SPDX-License-Identifier: Apache-2.0
// Arithmetic on square tiles of a matrix, compiled once per instruction set and chosen by what the CPU has.
#pragma once

#include <cstddef>
#include <span>

namespace ortserve {

/// Rows and columns of a tile: a multiple of what every instruction set computes at once, and 72 KiB in doubles, so
/// that three tiles lie in a core's second-level cache.
inline constexpr size_t kTile = 96;
/// Elements of a tile, row after row.
inline constexpr size_t kTileElements = kTile * kTile;

/// One instruction set's loops. Pointers are 64-byte aligned and do not overlap. Sets differ in the last bits, since
/// some fuse a multiplication with the addition that follows it; one set gives the same bits for the same input.
struct TileKernels {
  const char* name;  ///< "avx512", "avx2", "baseline" (SSE2, NEON or what the compiler makes of it)

  /// c += transpose(a) b, for `depth` rows of kTile floats each in `a` and `b`. A product is summed over the `depth`
  /// rows in float and then added to the double.
  void (*accumulate)(const float* a, const float* b, size_t depth, double* c);
  /// c -= transpose(a) b.
  void (*subtract)(const double* a, const double* b, double* c);
  /// The upper triangle becomes U with transpose(U) U = a (Cholesky); what lies below is left alone. Returns kTile; or
  /// the first column whose pivot is no positive finite number, upon which `a` is spoilt.
  size_t (*factor)(double* a);
  /// b becomes X with transpose(U) X = b.
  void (*solve_transposed)(const double* u, double* b);
  /// b becomes X with U X = b.
  void (*solve)(const double* u, double* b);
};

/// The fastest set this CPU can run.
const TileKernels& tile_kernels() noexcept;
/// All that it can run, fastest first.
std::span<const TileKernels* const> usable_tile_kernels() noexcept;

namespace internal {
extern const TileKernels kBaselineTileKernels;
#ifdef ORTSERVE_X86_KERNELS
extern const TileKernels kAvx2TileKernels;
extern const TileKernels kAvx512TileKernels;
#endif
}  // namespace internal

}  // namespace ortserve
