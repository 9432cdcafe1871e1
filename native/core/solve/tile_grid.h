// SPDX-License-Identifier: Apache-2.0
// A symmetric matrix beside right-hand sides, in tiles.
#pragma once

#include <cstddef>
#include <memory>
#include <new>

#include "core/solve/tile_kernels.h"

namespace ortserve {

/// Memory for numbers, 64-byte aligned and all 0. Throws std::bad_alloc.
template <typename T>
class AlignedArray {
 public:
  AlignedArray() = default;
  explicit AlignedArray(size_t size) : data_(new (std::align_val_t{64}) T[size]()) {}
  T* get() const noexcept { return data_.get(); }
  explicit operator bool() const noexcept { return data_ != nullptr; }

 private:
  struct Free {
    void operator()(T* data) const noexcept { ::operator delete[](data, std::align_val_t{64}); }
  };
  std::unique_ptr<T[], Free> data_;
};

/// Of `rows` tile rows, the tiles on and above the diagonal; behind each row the tiles of `sides` columns more.
class TileGrid {
 public:
  TileGrid() = default;
  TileGrid(size_t rows, size_t sides) : rows_(rows), columns_(rows + sides), tiles_(start_of(rows) * kTileElements) {}

  size_t rows() const noexcept { return rows_; }
  size_t columns() const noexcept { return columns_; }
  /// Tile of row i < rows() and column j, i <= j < columns().
  double* tile(size_t i, size_t j) const noexcept { return tiles_.get() + (start_of(i) + j - i) * kTileElements; }
  size_t elements() const noexcept { return start_of(rows_) * kTileElements; }
  double* data() const noexcept { return tiles_.get(); }
  explicit operator bool() const noexcept { return static_cast<bool>(tiles_); }

 private:
  // Tiles before row i.
  size_t start_of(size_t i) const noexcept { return i * columns_ - (i * i - i) / 2; }

  size_t rows_ = 0;
  size_t columns_ = 0;
  AlignedArray<double> tiles_;
};

}  // namespace ortserve
