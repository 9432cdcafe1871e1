// SPDX-License-Identifier: Apache-2.0
// The arithmetic of OutputPlan, on FP32 values along the last dim.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/tensor.h"

namespace ortserve {

/// Numerically stable; NaN in a row makes all of it NaN.
void softmax(std::span<float> values, size_t width) noexcept;
void sigmoid(std::span<float> values) noexcept;

/// Index of the largest value, NaN counting as the smallest; the first of equals. `row` is not empty.
int64_t argmax(std::span<const float> row) noexcept;
/// The k largest: values and their indices, descending, equals in the order of their indices. k <= row.size().
/// `scratch` keeps its memory between calls.
void top_k(std::span<const float> row, size_t k, float* values, int64_t* indices, std::vector<int64_t>& scratch);

/// Values as FP32, dequantized where `scale` is not 0. kUnsupported for BOOL and strings.
Result<Tensor> to_floats(BufferPool& pool, const Tensor& tensor, float scale, int32_t zero_point);
/// Indices as INT64, or as the labels with these numbers.
Result<Tensor> named_indices(BufferPool& pool, const Shape& shape, std::span<const int64_t> indices,
                             std::span<const std::string> labels);

}  // namespace ortserve
