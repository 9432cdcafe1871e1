// SPDX-License-Identifier: Apache-2.0
#include "core/codec/input_check.h"

#include <string>

namespace ortserve {

namespace {

bool fits(const Shape& wanted, const Shape& shape) {
  if (wanted.rank() != shape.rank()) return false;
  for (size_t i = 0; i < shape.rank(); ++i) {
    if (wanted[i] != -1 && wanted[i] != shape[i]) return false;
  }
  return true;
}

// Whether the provider was prepared for such a shape; see InputSpec::most.
bool is_within_range(const InputSpec& spec, const Shape& shape) {
  if (spec.most.rank() != shape.rank()) return true;
  for (size_t i = 0; i < shape.rank(); ++i) {
    if (shape[i] < spec.least[i] || shape[i] > spec.most[i]) return false;
  }
  return true;
}

// Whether only the live elements of a pruned input came.
bool is_pruned(const InputSpec& spec, const Shape& shape) {
  return spec.live && shape.rank() > 0 && shape[shape.rank() - 1] == static_cast<int64_t>(spec.live->live());
}

void keep_live(const InputSpec& spec, Tensor& tensor) {
  if (!spec.live || is_pruned(spec, tensor.shape)) return;
  const size_t element = dtype_size(tensor.dtype);
  const size_t width = spec.live->width();
  const size_t rows = static_cast<size_t>(tensor.elements()) / width;
  spec.live->gather(tensor.data.data(), width * element, tensor.data.data(), rows, element);
  tensor.data = tensor.data.slice(0, rows * spec.live->live() * element);
  tensor.shape[tensor.shape.rank() - 1] = static_cast<int64_t>(spec.live->live());
}

Status count_rows(const ModelSpec& spec, Request& request) {
  request.rows = -1;
  for (size_t i = 0; i < spec.inputs.size(); ++i) {
    if (!request.present[i]) continue;
    const int64_t rows = request.inputs[i].shape[0];
    if (request.rows == -1) request.rows = rows;
    if (rows != request.rows) {
      return {Code::kInvalidInput, "input '" + spec.inputs[i].name + "' batch size does not match other inputs for '" +
                                       spec.name + "': expected " + std::to_string(request.rows) + ", got " +
                                       std::to_string(rows)};
    }
  }
  if (request.rows < 1) {
    return {Code::kInvalidInput, "inference request batch-size must be >= 1 for '" + spec.name + "'"};
  }
  if (spec.max_rows > 0 && request.rows > spec.max_rows) {
    return {Code::kLimitExceeded, "inference request batch-size must be <= " + std::to_string(spec.max_rows) +
                                      " for '" + spec.name + "', got " + std::to_string(request.rows)};
  }
  return {};
}

}  // namespace

Status check_shape(const InputSpec& spec, const Shape& shape) {
  Shape whole = shape;
  if (is_pruned(spec, shape)) whole[shape.rank() - 1] = static_cast<int64_t>(spec.live->width());
  if (fits(spec.dims, whole)) {
    if (spec.most.rank() == 0 || is_within_range(spec, shape)) return {};
    return {Code::kInvalidInput, "expected a shape from " + spec.least.to_string() + " to " + spec.most.to_string() +
                                     " for input '" + spec.name + "', which the model was prepared for, got " +
                                     shape.to_string()};
  }
  const std::string dtype(dtype_name(spec.dtype));
  return {Code::kInvalidInput, "expected " + dtype + " " + spec.dims.to_string() + " for input '" + spec.name +
                                   "', got " + dtype + " " + shape.to_string()};
}

Status finish_inputs(const ModelSpec& spec, Request& request) {
  request.input_bytes = 0;
  for (size_t i = 0; i < spec.inputs.size(); ++i) {
    if (!request.present[i]) continue;
    ORTSERVE_RETURN_IF_ERROR(check_shape(spec.inputs[i], request.inputs[i].shape));
    keep_live(spec.inputs[i], request.inputs[i]);
    request.input_bytes += request.inputs[i].byte_size();
  }
  request.rows = 1;
  if (spec.batched) ORTSERVE_RETURN_IF_ERROR(count_rows(spec, request));
  request.shape_key = shape_key_of(request, spec.batched);
  return {};
}

}  // namespace ortserve
