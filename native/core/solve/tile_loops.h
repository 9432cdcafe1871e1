// SPDX-License-Identifier: Apache-2.0
// The loops of tile_kernels.h. Each tile_kernels_*.cc includes this and is compiled for another instruction set.
// Everything has internal linkage and nothing but builtins is called: an inline function shared with other files could
// be linked in its AVX form into code that must run without AVX.
#pragma once

#include <cmath>
#include <cstring>

#include "core/solve/tile_kernels.h"

namespace ortserve {
namespace {

#if defined(__AVX512F__)
constexpr size_t kVectorBytes = 64;
constexpr size_t kRows = 12;  // 24 of 32 registers hold sums
#elif defined(__AVX2__)
constexpr size_t kVectorBytes = 32;
constexpr size_t kRows = 6;  // 12 of 16
#else
constexpr size_t kVectorBytes = 16;
constexpr size_t kRows = 6;
#endif

#if defined(__GNUC__)

template <typename T>
struct Lanes {
  typedef T Vector __attribute__((vector_size(kVectorBytes)));
  Vector values;
  void add_product(T factor, const Lanes& other) noexcept { values += factor * other.values; }
  T operator[](size_t i) const noexcept { return values[i]; }
};

#else

template <typename T>
struct Lanes {
  T values[kVectorBytes / sizeof(T)];
  void add_product(T factor, const Lanes& other) noexcept {
    for (size_t i = 0; i < kVectorBytes / sizeof(T); ++i) values[i] += factor * other.values[i];
  }
  T operator[](size_t i) const noexcept { return values[i]; }
};

#endif

template <typename T>
inline Lanes<T> load(const T* source) noexcept {
  Lanes<T> lanes;
  std::memcpy(&lanes, source, sizeof(lanes));
  return lanes;
}

template <typename T>
constexpr size_t kColumns = 2 * kVectorBytes / sizeof(T);
static_assert(kTile % kRows == 0 && kTile % kColumns<float> == 0 && kTile % kColumns<double> == 0);

// c += sign * transpose(a) b on kRows x kColumns of a tile: the sums stay in registers for all of the depth.
template <typename T, int Sign>
inline void block(const T* a, const T* b, size_t depth, double* c) noexcept {
  constexpr size_t kWidth = kColumns<T> / 2;
  Lanes<T> sums[kRows][2];
  std::memset(&sums, 0, sizeof(sums));
  for (size_t k = 0; k < depth; ++k) {
    const Lanes<T> left = load(b + k * kTile);
    const Lanes<T> right = load(b + k * kTile + kWidth);
    for (size_t i = 0; i < kRows; ++i) {
      sums[i][0].add_product(a[k * kTile + i], left);
      sums[i][1].add_product(a[k * kTile + i], right);
    }
  }
  for (size_t i = 0; i < kRows; ++i) {
    T row[kColumns<T>];
    std::memcpy(row, sums[i], sizeof(row));
    for (size_t j = 0; j < kColumns<T>; ++j) c[i * kTile + j] += Sign * static_cast<double>(row[j]);
  }
}

template <typename T, int Sign>
inline void product(const T* a, const T* b, size_t depth, double* c) noexcept {
  for (size_t j = 0; j < kTile; j += kColumns<T>) {
    for (size_t i = 0; i < kTile; i += kRows) block<T, Sign>(a + i, b + j, depth, c + i * kTile + j);
  }
}

void accumulate(const float* a, const float* b, size_t depth, double* c) {
  product<float, 1>(a, b, depth, c);
}

void subtract(const double* a, const double* b, double* c) {
  product<double, -1>(a, b, kTile, c);
}

size_t factor(double* a) {
  for (size_t k = 0; k < kTile; ++k) {
    double* const pivot = a + k * kTile;
    if (!(pivot[k] > 0 && pivot[k] < HUGE_VAL)) return k;
    const double root = std::sqrt(pivot[k]);
    pivot[k] = root;
    for (size_t j = k + 1; j < kTile; ++j) pivot[j] /= root;
    for (size_t i = k + 1; i < kTile; ++i) {
      const double scale = pivot[i];
      for (size_t j = i; j < kTile; ++j) a[i * kTile + j] -= scale * pivot[j];
    }
  }
  return kTile;
}

// The multiple `factor` of one row leaves another.
inline void eliminate(double factor, const double* row, double* from) noexcept {
  for (size_t j = 0; j < kTile; ++j) from[j] -= factor * row[j];
}

inline void divide(double* row, double by) noexcept {
  const double factor = 1 / by;
  for (size_t j = 0; j < kTile; ++j) row[j] *= factor;
}

void solve_transposed(const double* u, double* b) {
  for (size_t k = 0; k < kTile; ++k) {
    divide(b + k * kTile, u[k * kTile + k]);
    for (size_t i = k + 1; i < kTile; ++i) eliminate(u[k * kTile + i], b + k * kTile, b + i * kTile);
  }
}

void solve(const double* u, double* b) {
  for (size_t k = kTile; k-- > 0;) {
    divide(b + k * kTile, u[k * kTile + k]);
    for (size_t i = 0; i < k; ++i) eliminate(u[i * kTile + k], b + k * kTile, b + i * kTile);
  }
}

constexpr TileKernels make_tile_kernels(const char* name) {
  return {name, accumulate, subtract, factor, solve_transposed, solve};
}

}  // namespace
}  // namespace ortserve
