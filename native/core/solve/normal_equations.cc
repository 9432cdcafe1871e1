// SPDX-License-Identifier: Apache-2.0
#include "core/solve/normal_equations.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <new>
#include <optional>
#include <string>

#include "core/solve/cholesky.h"
#include "core/solve/parallel.h"

namespace ortserve {

namespace {

size_t tiles_for(size_t columns) {
  return (columns + kTile - 1) / kTile;
}

// In a form that compilers vectorise: a float is finite unless all bits of its exponent are set.
bool all_finite(std::span<const float> values) {
  uint32_t largest = 0;
  for (const float& value : values) {
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof(bits));
    largest = std::max(largest, bits & 0x7fffffffu);
  }
  return largest < 0x7f800000u;
}

Status check_finite(std::span<const float> values, size_t width, const char* name) {
  if (all_finite(values)) return {};
  const auto at = std::ranges::find_if(values, [](float value) { return !std::isfinite(value); });
  const size_t index = static_cast<size_t>(at - values.begin());
  return {Code::kInvalidInput, std::string("expected finite numbers in ") + name + ", got " + std::to_string(*at) +
                                   " at row " + std::to_string(index / width) + ", column " +
                                   std::to_string(index % width)};
}

Status out_of_memory(size_t bytes) {
  return {Code::kOutOfMemory, "normal equations need " + std::to_string(bytes >> 20) + " MiB more than there is"};
}

// Copies a row into panels, part by part; the rest of the last part stays 0.
void scatter(const float* row, size_t width, float* panel) {
  for (size_t from = 0; from < width; from += kTile, panel += NormalEquations::kDepth * kTile) {
    std::memcpy(panel, row + from, std::min(kTile, width - from) * sizeof(float));
  }
}

}  // namespace

Result<NormalEquations> NormalEquations::create(size_t dimension, size_t outputs, const TileKernels& kernels) {
  const auto check = [](size_t value, size_t most, const char* name) -> Status {
    if (value >= 1 && value <= most) return {};
    return {Code::kInvalidArgument,
            std::string("expected 1 to ") + std::to_string(most) + " for " + name + ", got " + std::to_string(value)};
  };
  if (Status status = check(dimension, kMaxDimension, "dimension"); !status.ok()) return status;
  if (Status status = check(outputs, kMaxOutputs, "outputs"); !status.ok()) return status;
  return NormalEquations(dimension, outputs, kernels);
}

NormalEquations::NormalEquations(size_t dimension, size_t outputs, const TileKernels& kernels)
    : kernels_(&kernels), dimension_(dimension), outputs_(outputs) {}

void NormalEquations::allocate() {
  if (panels_) return;
  totals_ = TileGrid(tiles_for(dimension_ + 1), tiles_for(outputs_));
  panels_ = AlignedArray<float>(totals_.columns() * kDepth * kTile);
}

Status NormalEquations::add(std::span<const float> x, std::span<const float> y, size_t threads) {
  const size_t rows = x.size() / dimension_;
  if (x.size() % dimension_ != 0 || y.size() != rows * outputs_) {
    return {Code::kInvalidArgument, "expected rows of " + std::to_string(dimension_) + " and " +
                                        std::to_string(outputs_) + " numbers for x and y, got " +
                                        std::to_string(x.size()) + " and " + std::to_string(y.size()) + " numbers"};
  }
  ORTSERVE_RETURN_IF_ERROR(check_finite(x, dimension_, "x"));
  ORTSERVE_RETURN_IF_ERROR(check_finite(y, outputs_, "y"));
  try {
    allocate();
  } catch (const std::bad_alloc&) {
    return out_of_memory((dimension_ + 1) * (dimension_ + 1 + 2 * outputs_) * 4);
  }
  for (size_t row = 0; row < rows; ++row) {
    append(x.data() + row * dimension_, y.data() + row * outputs_);
    if (waiting_ == kDepth) flush(threads);
  }
  rows_ += rows;
  return {};
}

void NormalEquations::append(const float* x, const float* y) {
  float* const place = panels_.get() + waiting_ * kTile;
  const auto column = [&](size_t tile) { return place + tile * kDepth * kTile; };
  scatter(x, dimension_, column(0));
  column(dimension_ / kTile)[dimension_ % kTile] = 1;
  scatter(y, outputs_, column(totals_.rows()));
  ++waiting_;
}

void NormalEquations::flush(size_t threads) {
  const auto panel = [&](size_t tile) { return panels_.get() + tile * kDepth * kTile; };
  parallel_for(threads, totals_.rows(), [&](size_t i) {
    for (size_t j = i; j < totals_.columns(); ++j) {
      kernels_->accumulate(panel(i), panel(j), waiting_, totals_.tile(i, j));
    }
  });
  waiting_ = 0;
}

double NormalEquations::mean_diagonal() const {
  double sum = 0;
  for (size_t i = 0; i <= dimension_; ++i) sum += totals_.tile(i / kTile, i / kTile)[(i % kTile) * (kTile + 1)];
  return sum / static_cast<double>(dimension_ + 1);
}

TileGrid NormalEquations::regularised(std::span<const float> anchor, double lambda) const {
  TileGrid equations(totals_.rows(), totals_.columns() - totals_.rows());
  std::memcpy(equations.data(), totals_.data(), totals_.elements() * sizeof(double));
  for (size_t i = 0; i < totals_.rows() * kTile; ++i) {
    const size_t row = i / kTile;
    double& diagonal = equations.tile(row, row)[(i % kTile) * (kTile + 1)];
    if (i > dimension_) {
      diagonal = 1;  // padding, where all else is 0
      continue;
    }
    diagonal += lambda;
    for (size_t j = 0; j < outputs_; ++j) {
      equations.tile(row, totals_.rows() + j / kTile)[(i % kTile) * kTile + j % kTile] +=
          lambda * static_cast<double>(anchor[j * (dimension_ + 1) + i]);
    }
  }
  return equations;
}

Result<std::vector<float>> NormalEquations::solve(std::span<const float> anchor, double ratio, size_t threads) {
  const size_t width = dimension_ + 1;
  if (anchor.size() != outputs_ * width) {
    return {Code::kInvalidArgument, "expected an anchor of " + std::to_string(outputs_) + " x " +
                                        std::to_string(width) + " numbers (weights, then the bias), got " +
                                        std::to_string(anchor.size())};
  }
  ORTSERVE_RETURN_IF_ERROR(check_finite(anchor, width, "the anchor"));
  if (!(ratio >= 0 && std::isfinite(ratio))) {
    return {Code::kInvalidArgument, "expected a finite ratio >= 0, got " + std::to_string(ratio)};
  }
  if (rows_ == 0) return {Code::kInvalidArgument, "expected rows before solve(), got none: call add() first"};
  flush(threads);
  try {
    const TileGrid equations = regularised(anchor, ratio * mean_diagonal());
    if (const auto failed = solve_positive_definite(equations, *kernels_, threads)) {
      return {Code::kSingular, "the normal equations of " + std::to_string(rows_) + " rows with ratio " +
                                   std::to_string(ratio) + " are not positive definite at column " +
                                   std::to_string(*failed) + " of " + std::to_string(width) +
                                   ": add rows, or raise the ratio (1e-3 is usual)"};
    }
    std::vector<float> weights(anchor.size());
    for (size_t j = 0; j < outputs_; ++j) {
      for (size_t i = 0; i < width; ++i) {
        weights[j * width + i] =
            static_cast<float>(equations.tile(i / kTile, totals_.rows() + j / kTile)[(i % kTile) * kTile + j % kTile]);
      }
    }
    return weights;
  } catch (const std::bad_alloc&) {
    return out_of_memory(totals_.elements() * sizeof(double));
  }
}

}  // namespace ortserve
