// SPDX-License-Identifier: Apache-2.0
// Tensors of every ONNX element type: C order, no padding, little-endian.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/buffer_pool.h"
#include "core/status.h"

namespace ortserve {

/// Element types. The order is shared with src/runtime/tensor.ts and pinned by a test.
enum class DType : uint8_t {
  kBool,
  kUint8,
  kUint16,
  kUint32,
  kUint64,
  kInt8,
  kInt16,
  kInt32,
  kInt64,
  kFp16,
  kBf16,
  kFp32,
  kFp64,
  kString,
};
inline constexpr int kDTypeCount = static_cast<int>(DType::kString) + 1;

/// Bytes per element; 0 for kString.
size_t dtype_size(DType dtype) noexcept;
/// The Open Inference Protocol name: "FP32", "BYTES" (for kString), ...
std::string_view dtype_name(DType dtype) noexcept;
std::optional<DType> dtype_from_name(std::string_view name) noexcept;
/// The first of `elements` of kBool that is neither 0 nor 1: kernels know no other truth values.
std::optional<int> first_untrue(std::span<const std::byte> elements) noexcept;

/// Dimensions. -1 stands for "any" in a model's specification and never occurs in a tensor.
class Shape {
 public:
  static constexpr size_t kMaxRank = 8;

  Shape() noexcept = default;
  Shape(std::initializer_list<int64_t> dims) noexcept;
  explicit Shape(std::span<const int64_t> dims) noexcept;  ///< at most kMaxRank dims

  size_t rank() const noexcept { return rank_; }
  int64_t operator[](size_t i) const noexcept { return dims_[i]; }
  int64_t& operator[](size_t i) noexcept { return dims_[i]; }
  std::span<const int64_t> dims() const noexcept { return {dims_.data(), rank_}; }
  bool push_back(int64_t dim) noexcept;  ///< false when already of kMaxRank
  bool operator==(const Shape& other) const noexcept;

  /// Product of the dims, 1 for a scalar; nullopt on overflow past int64 or a negative dim.
  std::optional<int64_t> elements() const noexcept;
  /// Product of dims[1..]: elements of one row.
  std::optional<int64_t> row_elements() const noexcept;
  /// "[1,28,28,1]"
  std::string to_string() const;

 private:
  std::array<int64_t, kMaxRank> dims_{};
  uint8_t rank_ = 0;
};

/// One tensor. Numeric: `data` holds shape.elements() * dtype_size(dtype) bytes. kString: `data` holds the UTF-8 (or
/// raw) bytes of all elements back to back, and element i is data[offsets[i] .. offsets[i + 1]).
struct Tensor {
  DType dtype = DType::kFp32;
  Shape shape;
  Buffer data;
  std::vector<uint64_t> offsets;  ///< elements + 1 entries for kString, else empty

  int64_t elements() const noexcept { return shape.elements().value_or(0); }
  uint64_t byte_size() const noexcept { return data.size(); }
  std::string_view string_at(int64_t i) const noexcept {
    return {data.as<const char>() + offsets[i], static_cast<size_t>(offsets[i + 1] - offsets[i])};
  }
  /// Rows [begin, begin + rows) along dim 0, sharing the memory.
  Tensor rows(int64_t begin, int64_t rows) const;
};

/// A numeric tensor with uninitialised contents; kInvalidInput on overflow, kOutOfMemory from the pool.
Result<Tensor> allocate_tensor(BufferPool& pool, DType dtype, const Shape& shape);

/// One copy of `parts`, joined along dim 0. All parts have the same dtype and the same dims[1..].
Result<Tensor> concat_rows(BufferPool& pool, std::span<const Tensor* const> parts);

/// A model output: a tensor, or what scikit-learn exporters produce (a sequence of maps).
struct Value {
  enum class Kind : uint8_t { kTensor, kSequence, kMap };
  Kind kind = Kind::kTensor;
  Tensor tensor;             ///< kTensor; of kMap its values, 1-D
  std::vector<Value> items;  ///< kSequence
  /// kMap: as many as there are values, 1-D, kInt64 or kString. Maps of a sequence share what is equal.
  std::shared_ptr<const Tensor> keys;

  /// Dim 0 of a tensor, the length of a sequence; -1 of what has no rows: a scalar, a map.
  int64_t rows() const noexcept;
  /// Memory it takes, in bytes: its tensors' data and the values themselves.
  uint64_t byte_size() const noexcept;
};

}  // namespace ortserve
