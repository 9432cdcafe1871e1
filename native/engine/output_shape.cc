// SPDX-License-Identifier: Apache-2.0
#include "engine/output_shape.h"

#include <algorithm>

namespace ortserve {

namespace {

// The required input whose dynamic first dim has the output's name; of unnamed ones, the first.
int rows_input_of(const ModelSpec& spec, const OutputSpec& output) noexcept {
  for (size_t i = 0; i < spec.inputs.size(); ++i) {
    const InputSpec& input = spec.inputs[i];
    if (input.optional || input.dims.rank() == 0 || input.dims[0] >= 0) continue;
    if (input.dim_names[0] == output.dim_names[0]) return static_cast<int>(i);
  }
  return -1;
}

}  // namespace

bool has_dynamic_inner_dim(const Shape& dims) noexcept {
  const auto inner = dims.dims().subspan(std::min<size_t>(dims.rank(), 1));
  return std::ranges::any_of(inner, [](int64_t dim) { return dim < 0; });
}

OutputShapeRule::OutputShapeRule(const ModelSpec& spec, const OutputSpec& output) : declared_(output.dims) {
  const bool numeric_tensor = output.kind == Value::Kind::kTensor && output.dtype != DType::kString;
  // An input that is an output as well is handed over as it is: a buffer of ours would stay as the run before left it.
  if (spec.input_index(output.name) >= 0) return;
  // No declared rank looks like a scalar; observe() finds out.
  if (!numeric_tensor || has_dynamic_inner_dim(declared_)) return;
  if (declared_.rank() > 0 && declared_[0] < 0) {
    rows_input_ = rows_input_of(spec, output);
    if (rows_input_ < 0) return;
  }
  trust_ = Trust::kUnproven;
}

Shape OutputShapeRule::predict(std::span<const Tensor> inputs) const noexcept {
  Shape shape = declared_;
  if (rows_input_ >= 0) {
    const Tensor& input = inputs[static_cast<size_t>(rows_input_)];
    if (input.shape.rank() > 0) shape[0] = input.shape[0];
  }
  return shape;
}

std::optional<Shape> OutputShapeRule::trusted_shape(std::span<const Tensor> inputs) const noexcept {
  if (trust_.load(std::memory_order_relaxed) != Trust::kProven) return std::nullopt;
  return predict(inputs);
}

void OutputShapeRule::observe(std::span<const Tensor> inputs, const Shape& actual) noexcept {
  Trust expected = Trust::kUnproven;
  const Trust learned = predict(inputs) == actual ? Trust::kProven : Trust::kRefuted;
  trust_.compare_exchange_strong(expected, learned, std::memory_order_relaxed);
}

}  // namespace ortserve
