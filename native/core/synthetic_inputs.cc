// SPDX-License-Identifier: Apache-2.0
#include "core/synthetic_inputs.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <string_view>
#include <utility>

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

bool is_signed(DType dtype) noexcept {
  return dtype == DType::kInt8 || dtype == DType::kInt16 || dtype == DType::kInt32 || dtype == DType::kInt64;
}

// A pattern of the float in [1, 2), or with a spread of one whose size is in [1, 8).
uint16_t small_float(uint16_t one, int mantissa_bits, bool varied, Random& random) noexcept {
  const uint64_t bits = random.next();
  auto pattern = static_cast<uint16_t>(one | (bits >> (64 - mantissa_bits)));
  if (varied) pattern = static_cast<uint16_t>(pattern + ((bits & 3) % 3 << mantissa_bits)) | (bits & 4 ? 0x8000 : 0);
  return pattern;
}

// Little-endian, as every tensor is.
void store_integer(DType dtype, std::byte* at, const Variety& variety, Random& random) noexcept {
  const bool negative = variety.negative && is_signed(dtype);
  const uint64_t largest = dtype == DType::kBool ? 2 : variety.integers;
  const uint64_t values = negative ? 2 * largest : largest;
  const auto place = static_cast<int64_t>((random.next() >> 32) * values >> 32);  // by the upper bits, the better ones
  const int64_t value = negative ? place - static_cast<int64_t>(largest) : place;
  std::memcpy(at, &value, dtype_size(dtype));
}

void store_random(DType dtype, std::byte* at, const Variety& variety, Random& random) noexcept {
  const double spread = variety.spread;
  const auto real = [&] { return spread > 0 ? (2 * random.unit() - 1) * spread : random.unit(); };
  switch (dtype) {
    case DType::kFp32:
      return store(at, static_cast<float>(real()));
    case DType::kFp64:
      return store(at, real());
    case DType::kFp16:
      return store(at, small_float(0x3c00, 10, spread > 0, random));
    case DType::kBf16:
      return store(at, small_float(0x3f80, 7, spread > 0, random));
    default:
      return store_integer(dtype, at, variety, random);
  }
}

Result<Tensor> words_by_row(BufferPool& pool, const Shape& shape, const Variety& variety) {
  const auto elements = static_cast<size_t>(shape.elements().value_or(0));
  const auto per_row = static_cast<size_t>(std::max<int64_t>(shape.row_elements().value_or(1), 1));
  const auto word = [&](size_t i) -> std::string_view {
    if (variety.words.empty()) return {};
    return variety.words[(variety.first_word + i / per_row) % variety.words.size()];
  };
  std::vector<uint64_t> offsets(elements + 1, 0);
  for (size_t i = 0; i < elements; ++i) offsets[i + 1] = offsets[i] + word(i).size();
  auto data = pool.acquire(static_cast<size_t>(offsets.back()));
  if (!data.ok()) return data.take_status();
  for (size_t i = 0; i < elements; ++i) std::ranges::copy(std::as_bytes(std::span(word(i))), data->data() + offsets[i]);
  return Tensor{DType::kString, shape, std::move(*data), std::move(offsets)};
}

Result<Tensor> random_tensor(BufferPool& pool, DType dtype, const Shape& shape, const Variety& variety,
                             Random& random) {
  if (dtype == DType::kString) return words_by_row(pool, shape, variety);
  auto tensor = allocate_tensor(pool, dtype, shape);
  if (!tensor.ok()) return tensor;
  const auto elements = static_cast<size_t>(tensor->elements());
  const size_t size = dtype_size(dtype);
  for (size_t i = 0; i < elements; ++i) store_random(dtype, tensor->data.data() + i * size, variety, random);
  return tensor;
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

Result<std::vector<Tensor>> synthetic_inputs(const ModelSpec& spec, BufferPool& pool, int64_t rows, int64_t dynamic_dim,
                                             const Variety& variety) {
  std::vector<Shape> shapes;
  for (const InputSpec& input : spec.inputs) shapes.push_back(concrete_shape(spec, input, rows, dynamic_dim));
  return synthetic_inputs(spec, pool, shapes, variety);
}

Result<std::vector<Tensor>> synthetic_inputs(const ModelSpec& spec, BufferPool& pool, std::span<const Shape> shapes,
                                             const Variety& variety) {
  constexpr int64_t kMostElements = int64_t{1} << 28;  // a guess at a dynamic dim must not eat the machine
  Random random;
  std::vector<Tensor> inputs;
  for (size_t input = 0; input < shapes.size(); ++input) {
    const Shape& shape = shapes[input];
    if (shape.elements().value_or(INT64_MAX) > kMostElements) {
      return {Code::kLimitExceeded, "a synthetic input of shape " + shape.to_string() + " is too large"};
    }
    auto tensor = random_tensor(pool, spec.inputs[input].dtype, shape, variety, random);
    if (!tensor.ok()) return tensor.take_status();
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
