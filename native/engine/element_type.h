// SPDX-License-Identifier: Apache-2.0
// DType <-> ONNX Runtime's element types.
#pragma once

#include <array>
#include <optional>

#include "core/tensor.h"
#include "engine/ort_api.h"

namespace ortserve {

/// Indexed by DType.
inline constexpr std::array<ONNXTensorElementDataType, kDTypeCount> kElementTypes = {
    ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL,    ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8,    ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT16,
    ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT32,  ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT64,   ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8,
    ONNX_TENSOR_ELEMENT_DATA_TYPE_INT16,   ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32,    ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64,
    ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16, ONNX_TENSOR_ELEMENT_DATA_TYPE_BFLOAT16, ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT,
    ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE,  ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING,
};

constexpr ONNXTensorElementDataType element_type_of(DType dtype) noexcept {
  return kElementTypes[static_cast<size_t>(dtype)];
}

/// Nothing for types the core does not carry: complex, 8-bit floats, 4-bit integers.
constexpr std::optional<DType> dtype_of(ONNXTensorElementDataType type) noexcept {
  for (size_t i = 0; i < kElementTypes.size(); ++i) {
    if (kElementTypes[i] == type) return static_cast<DType>(i);
  }
  return std::nullopt;
}

static_assert(element_type_of(DType::kBool) == ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL);
static_assert(element_type_of(DType::kUint8) == ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8);
static_assert(element_type_of(DType::kUint16) == ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT16);
static_assert(element_type_of(DType::kUint32) == ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT32);
static_assert(element_type_of(DType::kUint64) == ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT64);
static_assert(element_type_of(DType::kInt8) == ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8);
static_assert(element_type_of(DType::kInt16) == ONNX_TENSOR_ELEMENT_DATA_TYPE_INT16);
static_assert(element_type_of(DType::kInt32) == ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32);
static_assert(element_type_of(DType::kInt64) == ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64);
static_assert(element_type_of(DType::kFp16) == ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16);
static_assert(element_type_of(DType::kBf16) == ONNX_TENSOR_ELEMENT_DATA_TYPE_BFLOAT16);
static_assert(element_type_of(DType::kFp32) == ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT);
static_assert(element_type_of(DType::kFp64) == ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE);
static_assert(element_type_of(DType::kString) == ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING);

}  // namespace ortserve
