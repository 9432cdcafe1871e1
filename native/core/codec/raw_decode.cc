// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <utility>

#include "core/codec/binary_blob.h"
#include "core/codec/decode_formats.h"
#include "core/codec/input_check.h"

namespace ortserve {

namespace {

// The shape that `size` bytes of `input` have; one row when the model is batched.
Result<Shape> deduce_shape(const ModelSpec& spec, const InputSpec& input, size_t size) {
  Shape shape = input.dims;
  if (spec.batched) shape[0] = 1;
  size_t variable = shape.rank();
  uint64_t known = dtype_size(input.dtype);
  for (size_t i = 0; i < shape.rank(); ++i) {
    if (shape[i] >= 0) {
      known *= static_cast<uint64_t>(shape[i]);
    } else if (variable == shape.rank()) {
      variable = i;
    } else {
      return {Code::kInvalidInput, "The shape of the raw input '" + input.name +
                                       "' can not be deduced because there are more than one variable-sized dimension"};
    }
  }
  if (variable < shape.rank()) {
    if (known == 0 || size % known != 0) {
      return {Code::kInvalidInput, "The shape of the raw input '" + input.name +
                                       "' can not be deduced: expected a multiple of " + std::to_string(known) +
                                       " bytes for " + input.dims.to_string() + ", got " + std::to_string(size)};
    }
    shape[variable] = static_cast<int64_t>(size / known);
  }
  return shape;
}

// A raw BYTES request is one string, without a length before it.
Result<Tensor> string_from_body(const ModelSpec& spec, const InputSpec& input, const Buffer& body,
                                CopiedBytes& copied) {
  Shape shape = input.dims;
  if (spec.batched) shape[0] = 1;
  if (shape.elements() != 1) {
    return {Code::kInvalidInput, "For BYTE datatype raw input '" + input.name +
                                     "', the model must have input shape [1], got " + input.dims.to_string()};
  }
  Tensor tensor;
  tensor.dtype = DType::kString;
  tensor.shape = shape;
  tensor.data = body;
  tensor.offsets = {0, body.size()};
  copied.in += body.size();
  return tensor;
}

Result<Tensor> tensor_from_body(const DecodeContext& context, const InputSpec& input, const Buffer& body,
                                CopiedBytes& copied) {
  if (input.dtype == DType::kString) return string_from_body(context.spec, input, body, copied);
  auto shape = deduce_shape(context.spec, input, body.size());
  if (!shape.ok()) return shape.take_status();
  if (body.size() / dtype_size(input.dtype) > context.limits.max_elements) {
    return {Code::kLimitExceeded, "input '" + input.name + "' has more than the " +
                                      std::to_string(context.limits.max_elements) + " elements that are allowed"};
  }
  return tensor_from_blob(input, *shape, body, context.pool, copied);
}

}  // namespace

Status decode_raw(const DecodeContext& context, const Buffer& body, WireRequest& out) {
  const ModelSpec& spec = context.spec;
  if (spec.inputs.size() != 1) {
    return {Code::kInvalidInput, "Raw request must only have 1 input (found 1) to be deduced but got " +
                                     std::to_string(spec.inputs.size()) + " inputs in '" + spec.name + "'"};
  }
  auto tensor = tensor_from_body(context, spec.inputs[0], body, out.copied);
  if (!tensor.ok()) return tensor.take_status();
  if (tensor->shape.rank() > 0) out.instances = tensor->shape[0];
  out.inputs[0] = std::move(*tensor);
  out.present[0] = true;
  out.binary.assign(spec.outputs.size(), true);
  return finish_inputs(spec, out);
}

}  // namespace ortserve
