// SPDX-License-Identifier: Apache-2.0
// Least squares: accumulating rows and solving, on one thread, beside the loops one would write first.
#include <cmath>
#include <string>

#include "core/solve/normal_equations.h"
#include "measure.h"

namespace ortserve::bench {
namespace {

constexpr size_t kDimension = 576;  // 64 channels, 3 x 3
constexpr size_t kOutputs = 64;
constexpr size_t kRows = 1024;

std::vector<float> noise(size_t count) {
  std::vector<float> values(count);
  uint32_t state = 1;
  for (float& value : values) {
    state = state * 1664525u + 1013904223u;
    value = static_cast<float>(state >> 8) * 0x1p-24f - 0.5f;
  }
  return values;
}

// One triangle of X^T X, and X^T Y, by the textbook's loops in float.
void accumulate_plainly(const std::vector<float>& x, const std::vector<float>& y, std::vector<float>& gram,
                        std::vector<float>& right) {
  for (size_t row = 0; row < kRows; ++row) {
    const float* const from = x.data() + row * kDimension;
    for (size_t i = 0; i < kDimension; ++i) {
      for (size_t j = i; j < kDimension; ++j) gram[i * kDimension + j] += from[i] * from[j];
      for (size_t j = 0; j < kOutputs; ++j) right[i * kOutputs + j] += from[i] * y[row * kOutputs + j];
    }
  }
}

// Cholesky without blocks, in double, on the triangle that accumulate_plainly() made.
void factor_plainly(std::vector<double>& a) {
  for (size_t k = 0; k < kDimension; ++k) {
    const double root = std::sqrt(a[k * kDimension + k]);
    for (size_t j = k; j < kDimension; ++j) a[k * kDimension + j] /= root;
    for (size_t i = k + 1; i < kDimension; ++i) {
      for (size_t j = i; j < kDimension; ++j) a[i * kDimension + j] -= a[k * kDimension + i] * a[k * kDimension + j];
    }
  }
}

void report_speed(const std::string& name, double nanoseconds, double operations) {
  report("least squares", name.c_str(), nanoseconds / operations, "multiply-add");
}

}  // namespace

void bench_solve() {
  const auto x = noise(kRows * kDimension);
  const auto y = noise(kRows * kOutputs);
  const std::vector<float> anchor(kOutputs * (kDimension + 1));
  const double columns = kDimension;
  const double added = kRows * columns * (columns / 2 + kOutputs);
  const double solved = columns * columns * (columns / 6 + kOutputs);
  std::vector<float> gram(kDimension * kDimension), right(kDimension * kOutputs);
  report_speed("add rows, plain loops", nanoseconds_per_call([&] { accumulate_plainly(x, y, gram, right); }), added);
  std::vector<double> regular(kDimension * kDimension);
  report_speed("factor, plain loops", nanoseconds_per_call([&] {
                 for (size_t i = 0; i < regular.size(); ++i) regular[i] = static_cast<double>(gram[i]);
                 for (size_t i = 0; i < kDimension; ++i) regular[i * (kDimension + 1)] *= 1.01;
                 factor_plainly(regular);
                 keep(regular);
               }),
               columns * columns * columns / 6);
  for (const TileKernels* kernels : usable_tile_kernels()) {
    NormalEquations equations = std::move(NormalEquations::create(kDimension, kOutputs, *kernels)).value();
    const std::string of = std::string(", ") + kernels->name;
    report_speed("add rows" + of,
                 nanoseconds_per_call([&] { require(equations.add(x, y, 1).ok(), "rows were refused"); }), added);
    report_speed("solve" + of, nanoseconds_per_call([&] {
                   require(equations.solve(anchor, 1e-3, 1).ok(), "the equations were not solved");
                 }),
                 solved);
  }
}

}  // namespace ortserve::bench
