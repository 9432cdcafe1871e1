// SPDX-License-Identifier: Apache-2.0
#include <optional>
#include <string>

#include "core/codec/decode_formats.h"
#include "core/codec/input_check.h"
#include "core/codec/json_scalar.h"
#include "core/codec/nested_reader.h"
#include "core/codec/request_options.h"

namespace ortserve {

namespace {

class GenerateDecoder {
 public:
  GenerateDecoder(const DecodeContext& context, JsonCursor cursor, WireRequest& out) noexcept
      : context_(context), cursor_(cursor), out_(out) {}

  Status decode();

 private:
  Status read_members(bool top);
  Status read_member(std::string_view key, bool top);
  Status read_input(size_t index);
  Result<Shape> shape_of(const InputSpec& input, uint64_t elements) const;
  Status check_complete() const;

  const DecodeContext& context_;
  JsonCursor cursor_;
  WireRequest& out_;
  bool has_id_ = false, has_parameters_ = false;
};

Status GenerateDecoder::decode() {
  ORTSERVE_RETURN_IF_ERROR(read_members(true));
  if (!cursor_.at_end()) return cursor_.unexpected("the end of the request JSON");
  ORTSERVE_RETURN_IF_ERROR(check_complete());
  out_.binary.assign(context_.spec.outputs.size(), false);
  return finish_inputs(context_.spec, out_);
}

Status GenerateDecoder::read_members(bool top) {
  JsonObject object(cursor_);
  while (object.next()) ORTSERVE_RETURN_IF_ERROR(read_member(object.key(), top));
  return object.status();
}

// What is not the name of an input is a parameter, at the top and in "parameters" alike.
Status GenerateDecoder::read_member(std::string_view key, bool top) {
  const int index = context_.spec.input_index(key);
  if (index >= 0) return read_input(static_cast<size_t>(index));
  if (top && key == "id") {
    ORTSERVE_RETURN_IF_ERROR(once(has_id_, key));
    return read_string(cursor_, key, out_.id);
  }
  if (top && key == "parameters") {
    ORTSERVE_RETURN_IF_ERROR(once(has_parameters_, key));
    return read_members(false);
  }
  bool binary_output = false;  // this format has none
  return read_parameter(cursor_, key, out_, binary_output);
}

Status GenerateDecoder::read_input(size_t index) {
  const InputSpec& input = context_.spec.inputs[index];
  if (out_.present[index]) return {Code::kInvalidInput, "input '" + input.name + "' already exists in request"};
  TensorBuilder builder(input, context_.pool, context_.limits.max_elements, TensorBuilder::Bound::kLimit);
  if (cursor_.peek() == '[') {
    ORTSERVE_RETURN_IF_ERROR(read_flattened(cursor_, builder));
  } else {
    ORTSERVE_RETURN_IF_ERROR(builder.read_one(cursor_));
  }
  auto shape = shape_of(input, builder.elements());
  if (!shape.ok()) return shape.take_status();
  out_.inputs[index] = builder.finish(*shape);
  out_.present[index] = true;
  return {};
}

// The input's dims; a batch of one where the model is batched; the one variable dim takes what there is.
Result<Shape> GenerateDecoder::shape_of(const InputSpec& input, uint64_t elements) const {
  Shape shape = input.dims;
  if (context_.spec.batched) shape[0] = 1;
  uint64_t known = 1;
  std::optional<size_t> variable;
  for (size_t i = 0; i < shape.rank(); ++i) {
    if (shape[i] >= 0) {
      known *= static_cast<uint64_t>(shape[i]);
    } else if (!variable) {
      variable = i;
    } else {
      return {Code::kInvalidInput, "The shape of input '" + input.name +
                                       "' can not be deduced because there are more than one variable-sized dimension"};
    }
  }
  const bool fits = variable ? known > 0 && elements % known == 0 : elements == known;
  if (!fits) {
    return {Code::kInvalidInput, "expected " + std::string(variable ? "a multiple of " : "") + std::to_string(known) +
                                     " elements for input '" + input.name + "' " + shape.to_string() + ", got " +
                                     std::to_string(elements)};
  }
  if (variable) shape[*variable] = static_cast<int64_t>(elements / known);
  return shape;
}

Status GenerateDecoder::check_complete() const {
  for (size_t i = 0; i < out_.present.size(); ++i) {
    const InputSpec& input = context_.spec.inputs[i];
    if (out_.present[i] || input.optional) continue;
    return {Code::kInvalidInput, "missing input '" + input.name + "' for model '" + context_.spec.name + "'"};
  }
  return {};
}

}  // namespace

Status decode_generate(const DecodeContext& context, JsonCursor cursor, WireRequest& out) {
  return GenerateDecoder(context, cursor, out).decode();
}

}  // namespace ortserve
