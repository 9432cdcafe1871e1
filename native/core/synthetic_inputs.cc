// SPDX-License-Identifier: Apache-2.0
#include "core/synthetic_inputs.h"

#include <algorithm>
#include <cstring>
#include <numeric>

namespace ortserve {

namespace {

class Random {  // xorshift64*: the same numbers on every machine
 public:
  uint64_t next() noexcept {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return state_ * 0x2545f4914f6cdd1dull;
  }
  double unit() noexcept { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

 private:
  uint64_t state_ = 0x9e3779b97f4a7c15ull;
};

template <typename T>
void store(std::byte* at, T value) noexcept {
  std::memcpy(at, &value, sizeof value);
}

void store_random(DType dtype, std::byte* at, Random& random) noexcept {
  // The 16-bit floats take the top bits of a float in [1, 2) or of a half in [1, 2): any such pattern is a number.
  switch (dtype) {
    case DType::kFp32:
      return store(at, static_cast<float>(random.unit()));
    case DType::kFp64:
      return store(at, random.unit());
    case DType::kFp16:
      return store(at, static_cast<uint16_t>(0x3c00 | (random.next() >> 54)));
    case DType::kBf16:
      return store(at, static_cast<uint16_t>(0x3f80 | (random.next() >> 57)));
    default: {
      std::memset(at, 0, dtype_size(dtype));
      *at = static_cast<std::byte>(random.next() >> 63);  // little-endian 0 or 1
    }
  }
}

Shape concrete_shape(const ModelSpec& spec, const InputSpec& input, int64_t rows, int64_t dynamic_dim) {
  Shape shape = input.dims;
  for (size_t d = 0; d < shape.rank(); ++d) {
    if (spec.batched && d == 0) {
      shape[d] = rows;
    } else if (shape[d] < 0) {
      shape[d] = dynamic_dim;
    }
    if (input.most.rank() == shape.rank()) shape[d] = std::clamp(shape[d], input.least[d], input.most[d]);
  }
  return shape;
}

}  // namespace

Result<std::vector<Tensor>> synthetic_inputs(const ModelSpec& spec, BufferPool& pool, int64_t rows,
                                             int64_t dynamic_dim) {
  std::vector<Shape> shapes;
  for (const InputSpec& input : spec.inputs) shapes.push_back(concrete_shape(spec, input, rows, dynamic_dim));
  return synthetic_inputs(spec, pool, shapes);
}

Result<std::vector<Tensor>> synthetic_inputs(const ModelSpec& spec, BufferPool& pool, std::span<const Shape> shapes) {
  constexpr int64_t kMostElements = int64_t{1} << 28;  // a guess at a dynamic dim must not eat the machine
  Random random;
  std::vector<Tensor> inputs;
  for (size_t input = 0; input < shapes.size(); ++input) {
    const Shape& shape = shapes[input];
    const DType dtype = spec.inputs[input].dtype;
    if (shape.elements().value_or(INT64_MAX) > kMostElements) {
      return {Code::kLimitExceeded, "a synthetic input of shape " + shape.to_string() + " is too large"};
    }
    auto tensor = allocate_tensor(pool, dtype, shape);
    if (!tensor.ok()) return tensor.take_status();
    const auto elements = static_cast<size_t>(tensor->elements());
    if (dtype == DType::kString) tensor->offsets.assign(elements + 1, 0);
    const size_t size = dtype_size(dtype);
    for (size_t i = 0; size > 0 && i < elements; ++i) store_random(dtype, tensor->data.data() + i * size, random);
    inputs.push_back(std::move(*tensor));
  }
  return inputs;
}

Status run_shapes(Runner& runner, const ModelSpec& spec, BufferPool& pool, const std::vector<std::vector<Shape>>& all) {
  const auto wanted = all_outputs(spec);
  const std::vector<bool> present(spec.inputs.size(), true);
  for (const std::vector<Shape>& shapes : all) {
    auto inputs = synthetic_inputs(spec, pool, shapes);
    if (!inputs.ok()) return inputs.take_status();
    std::vector<Value> outputs;
    ORTSERVE_RETURN_IF_ERROR(runner.run(*inputs, present, wanted, outputs, nullptr));
  }
  return {};
}

int64_t runnable_dynamic_dim(Runner& runner, const ModelSpec& spec, BufferPool& pool) {
  const auto wanted = all_outputs(spec);
  const std::vector<bool> present(spec.inputs.size(), true);
  // One works for most sequence models, the others for convolutions with strides and minimum sizes.
  for (int64_t dim : {1, 16, 64, 224}) {
    auto inputs = synthetic_inputs(spec, pool, 1, dim);
    std::vector<Value> outputs;
    if (inputs.ok() && runner.run(*inputs, present, wanted, outputs, nullptr).ok()) return dim;
  }
  return 0;
}

std::vector<uint16_t> all_outputs(const ModelSpec& spec) {
  std::vector<uint16_t> wanted(spec.outputs.size());
  std::iota(wanted.begin(), wanted.end(), uint16_t{0});
  return wanted;
}

}  // namespace ortserve
