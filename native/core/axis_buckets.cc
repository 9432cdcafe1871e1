// SPDX-License-Identifier: Apache-2.0
#include "core/axis_buckets.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <set>
#include <type_traits>

#include "core/batch_split.h"
#include "core/codec/float16.h"
#include "core/resize_axis.h"

namespace ortserve {

namespace {

template <typename T>
std::vector<std::byte> bytes_of(T value) {
  std::vector<std::byte> bytes(sizeof(T));
  std::memcpy(bytes.data(), &value, sizeof(T));
  return bytes;
}

// Empty: the datatype does not hold the value.
template <typename T>
std::vector<std::byte> element(double value) {
  if constexpr (std::is_integral_v<T>) {
    constexpr double kLeast = static_cast<double>(std::numeric_limits<T>::min());
    // One above the largest: a power of two, which a double holds.
    const double beyond = std::ldexp(1.0, std::numeric_limits<T>::digits);
    if (!(value >= kLeast && value < beyond) || std::trunc(value) != value) return {};
  }
  return bytes_of(static_cast<T>(value));
}

std::vector<std::byte> element_of(DType dtype, double value) {
  switch (dtype) {
    case DType::kBool:
      return value == 0 || value == 1 ? bytes_of(static_cast<uint8_t>(value)) : std::vector<std::byte>();
    case DType::kUint8:
      return element<uint8_t>(value);
    case DType::kUint16:
      return element<uint16_t>(value);
    case DType::kUint32:
      return element<uint32_t>(value);
    case DType::kUint64:
      return element<uint64_t>(value);
    case DType::kInt8:
      return element<int8_t>(value);
    case DType::kInt16:
      return element<int16_t>(value);
    case DType::kInt32:
      return element<int32_t>(value);
    case DType::kInt64:
      return element<int64_t>(value);
    case DType::kFp16:
      return bytes_of(float_to_fp16(static_cast<float>(value)));
    case DType::kBf16:
      return bytes_of(float_to_bf16(static_cast<float>(value)));
    case DType::kFp32:
      return element<float>(value);
    case DType::kFp64:
      return element<double>(value);
    case DType::kString:
      return {};
  }
  return {};
}

// Names of the dims that may be bucketed, for messages.
std::string dynamic_dims(const ModelSpec& spec) {
  std::set<std::string> names;
  for (const InputSpec& input : spec.inputs) {
    for (size_t d = spec.batched ? 1 : 0; d < input.dim_names.size(); ++d) {
      if (!input.dim_names[d].empty() && input.dims[d] < 0) names.insert(input.dim_names[d]);
    }
  }
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text.empty() ? "which has none" : "one of " + text;
}

}  // namespace

Result<AxisBuckets> AxisBuckets::create(const ModelSpec& spec, const std::vector<AxisBucketOption>& options) {
  AxisBuckets buckets;
  for (const AxisBucketOption& option : options) {
    auto rule = compile(spec, option);
    if (!rule.ok()) return rule.take_status();
    buckets.rules_.push_back(std::move(*rule));
  }
  return buckets;
}

Result<AxisBuckets::Rule> AxisBuckets::compile(const ModelSpec& spec, const AxisBucketOption& option) {
  Rule rule;
  rule.dim = option.dim;
  rule.sizes = option.sizes;
  std::ranges::sort(rule.sizes);
  ORTSERVE_RETURN_IF_ERROR(compile_inputs(spec, option, rule));
  for (size_t i = 0; i < spec.outputs.size(); ++i) {
    const auto& names = spec.outputs[i].dim_names;
    for (size_t axis = 0; axis < names.size(); ++axis) {
      if (names[axis] == option.dim) rule.outputs.push_back({i, axis});
    }
  }
  return rule;
}

Status AxisBuckets::compile_inputs(const ModelSpec& spec, const AxisBucketOption& option, Rule& rule) {
  std::set<std::string> padded;
  for (size_t i = 0; i < spec.inputs.size(); ++i) {
    const InputSpec& input = spec.inputs[i];
    for (size_t axis = spec.batched ? 1 : 0; axis < input.dim_names.size(); ++axis) {
      if (input.dim_names[axis] != option.dim || input.dims[axis] >= 0) continue;
      const auto own = option.pad_values.find(input.name);
      const double value = own == option.pad_values.end() ? option.pad_value : own->second;
      auto fill = element_of(input.dtype, value);
      if (fill.empty() && input.dtype != DType::kString) {
        return {Code::kInvalidArgument, "bucketed dim '" + option.dim + "': the pad value " + std::to_string(value) +
                                            " is no " + std::string(dtype_name(input.dtype)) + ", as input '" +
                                            input.name + "' needs"};
      }
      rule.inputs.push_back({{i, axis}, std::move(fill)});
      padded.insert(input.name);
    }
  }
  if (rule.inputs.empty()) {
    return {Code::kInvalidArgument, "bucketed dim '" + option.dim +
                                        "': expected a dynamic dim of an input, by its name in the graph, " +
                                        dynamic_dims(spec)};
  }
  for (const auto& [name, value] : option.pad_values) {
    if (padded.contains(name)) continue;
    return {Code::kInvalidArgument,
            "bucketed dim '" + option.dim + "': pad_values names '" + name + "', which is no input with that dim"};
  }
  return {};
}

Status AxisBuckets::pad(BufferPool& pool, bool batched, Request& request) const {
  std::vector<Tensor> inputs = request.inputs;
  std::vector<DimBeforePadding> before;
  for (const Rule& rule : rules_) {
    int64_t size = -1;
    for (const InputPlace& place : rule.inputs) {
      if (!request.present[place.tensor]) continue;
      const int64_t dim = inputs[place.tensor].shape[place.axis];
      if (size >= 0 && dim != size) {
        return {Code::kInvalidInput, "expected the dim '" + rule.dim + "' to be the same in every input, got " +
                                         std::to_string(size) + " and " + std::to_string(dim)};
      }
      size = dim;
    }
    const int64_t bucket = size < 0 ? size : padded_rows(rule.sizes, size);
    before.push_back({size, bucket});
    if (bucket == size) continue;
    for (const InputPlace& place : rule.inputs) {
      if (!request.present[place.tensor]) continue;
      auto padded = resize_axis(pool, inputs[place.tensor], place.axis, bucket, place.fill);
      if (!padded.ok()) return padded.take_status();
      request.copied.in += inputs[place.tensor].byte_size();
      inputs[place.tensor] = std::move(*padded);
    }
  }
  request.inputs = std::move(inputs);
  request.before_padding = std::move(before);
  request.shape_key = shape_key_of(request, batched);
  return {};
}

Status AxisBuckets::trim(BufferPool& pool, Request& request) const {
  for (size_t r = 0; r < rules_.size(); ++r) {
    const auto [size, bucket] = request.before_padding[r];
    if (size == bucket) continue;
    for (size_t i = 0; i < request.outputs.size(); ++i) {
      const size_t output = request.wanted.empty() ? i : request.wanted[i];
      Tensor& tensor = request.outputs[i].tensor;
      for (const Place& place : rules_[r].outputs) {
        if (place.tensor != output || place.axis >= tensor.shape.rank() || tensor.shape[place.axis] != bucket) continue;
        auto cut = resize_axis(pool, tensor, place.axis, size, {});
        if (!cut.ok()) return cut.take_status();
        tensor = std::move(*cut);
        request.copied.out += tensor.byte_size();
      }
    }
  }
  return {};
}

}  // namespace ortserve
