// SPDX-License-Identifier: Apache-2.0
#include "engine/session_spec.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "engine/element_type.h"
#include "engine/output_shape.h"

namespace ortserve {

namespace {

Status unsupported(const std::string& what, const std::string& why) {
  return {Code::kLoadFailed, "unsupported: " + what + " " + why};
}

Status read_dtype(ONNXTensorElementDataType type, const std::string& what, DType& dtype) {
  const auto known = dtype_of(type);
  if (!known) return unsupported(what, "has ONNX element type " + std::to_string(type) + ", which has no equivalent");
  dtype = *known;
  return {};
}

Status read_tensor(const Ort::ConstTensorTypeAndShapeInfo& info, const std::string& what, DType& dtype, Shape& dims,
                   std::vector<std::string>& dim_names) {
  ORTSERVE_RETURN_IF_ERROR(read_dtype(info.GetElementType(), what, dtype));
  const std::vector<int64_t> declared = info.GetShape();
  if (declared.size() > Shape::kMaxRank) {
    return unsupported(what, "has " + std::to_string(declared.size()) + " dimensions, at most " +
                                 std::to_string(Shape::kMaxRank) + " are supported");
  }
  for (const int64_t dim : declared) dims.push_back(std::max<int64_t>(dim, -1));
  for (const char* const name : info.GetSymbolicDimensions()) dim_names.emplace_back(name);
  return {};
}

Status read_input(const Ort::TypeInfo& type, InputSpec& input) {
  const std::string what = "input '" + input.name + "'";
  if (type.GetONNXType() != ONNX_TYPE_TENSOR) return unsupported(what, "is not a tensor");
  const auto info = type.GetTensorTypeAndShapeInfo();
  if (!info.HasShape()) return unsupported(what, "declares no rank: run shape inference on the model");
  return read_tensor(info, what, input.dtype, input.dims, input.dim_names);
}

// "input.NAME.live" and "input.NAME.width" of the model's metadata say that the input was pruned.
Status read_live(const Ort::ModelMetadata& metadata, InputSpec& input) {
  Ort::AllocatorWithDefaultOptions allocator;
  const std::string key = "input." + input.name;
  const auto live = metadata.LookupCustomMetadataMapAllocated((key + ".live").c_str(), allocator);
  if (!live) return {};
  const auto width = metadata.LookupCustomMetadataMapAllocated((key + ".width").c_str(), allocator);
  const std::string what = "input '" + input.name + "'";
  if (input.dtype == DType::kString || input.dims.rank() == 0) return unsupported(what, "is pruned and holds no rows");
  const int64_t taken = input.dims[input.dims.rank() - 1];
  constexpr uint64_t kWidest = 64 << 20;  // a request may not bring more; and ranges must not fill the memory
  const uint64_t elements = width ? std::strtoull(width.get(), nullptr, 10) : 0;
  auto indices = LiveIndices::parse(live.get(), elements <= kWidest ? elements : 0);
  if (!indices.ok()) return unsupported(what, "has metadata '" + key + ".live': " + indices.status().message());
  if (taken != static_cast<int64_t>(indices->live())) {
    return unsupported(what, "takes " + std::to_string(taken) + " elements, and its metadata '" + key + ".live' has " +
                                 std::to_string(indices->live()));
  }
  input.live = std::make_shared<const LiveIndices>(std::move(*indices));
  return {};
}

// "input.NAME.scale" and "input.NAME.zero_point" say what the integers of a quantized input stand for.
void read_quantization(const Ort::ModelMetadata& metadata, InputSpec& input) {
  if (input.dtype != DType::kUint8 && input.dtype != DType::kInt8) return;
  Ort::AllocatorWithDefaultOptions allocator;
  const std::string key = "input." + input.name;
  const auto scale = metadata.LookupCustomMetadataMapAllocated((key + ".scale").c_str(), allocator);
  const auto zero_point = metadata.LookupCustomMetadataMapAllocated((key + ".zero_point").c_str(), allocator);
  if (!scale) return;
  const InputQuantization found{std::strtof(scale.get(), nullptr),
                                zero_point ? static_cast<int32_t>(std::strtol(zero_point.get(), nullptr, 10)) : 0};
  const int32_t low = input.dtype == DType::kInt8 ? -128 : 0;
  if (std::isnormal(found.scale) && found.scale > 0 && found.zero_point >= low && found.zero_point <= low + 255) {
    input.quantized = found;
  }
}

// "0.0039,0.0041": a number for all channels, or one for each. False where it is anything else.
bool parse_floats(const char* at, std::vector<float>& values) {
  while (values.size() < kMaxChannels) {
    char* end = nullptr;
    values.push_back(std::strtof(at, &end));
    if (end == at || !std::isfinite(values.back())) return false;
    if (*end == '\0') return true;
    if (*end != ',') return false;
    at = end + 1;
  }
  return false;
}

// "input.NAME.mul" and "input.NAME.add" say what the graph does to the pixels that it takes.
Status read_arithmetic(const Ort::ModelMetadata& metadata, InputSpec& input) {
  if (input.dtype != DType::kUint8) return {};
  Ort::AllocatorWithDefaultOptions allocator;
  const std::string key = "input." + input.name;
  const auto mul = metadata.LookupCustomMetadataMapAllocated((key + ".mul").c_str(), allocator);
  const auto add = metadata.LookupCustomMetadataMapAllocated((key + ".add").c_str(), allocator);
  if (!mul && !add) return {};
  InputArithmetic found;
  if (mul && add && parse_floats(mul.get(), found.mul) && parse_floats(add.get(), found.add)) {
    input.arithmetic = std::move(found);
    return {};
  }
  return unsupported("input '" + input.name + "'", "has metadata '" + key + ".mul' and '" + key +
                                                       ".add' that are not lists of at most " +
                                                       std::to_string(kMaxChannels) + " numbers");
}

Status read_map(const Ort::ConstMapTypeInfo& map, const std::string& what, OutputSpec& output) {
  ORTSERVE_RETURN_IF_ERROR(read_dtype(map.GetMapKeyType(), what, output.key_dtype));
  const Ort::TypeInfo values = map.GetMapValueType();
  if (values.GetONNXType() != ONNX_TYPE_TENSOR) return unsupported(what, "is a map whose values are not numbers");
  return read_dtype(values.GetTensorTypeAndShapeInfo().GetElementType(), what, output.dtype);
}

Status read_sequence(const Ort::ConstSequenceTypeInfo& sequence, const std::string& what, OutputSpec& output) {
  const Ort::TypeInfo element = sequence.GetSequenceElementType();
  switch (element.GetONNXType()) {
    case ONNX_TYPE_TENSOR:
      return read_dtype(element.GetTensorTypeAndShapeInfo().GetElementType(), what, output.dtype);
    case ONNX_TYPE_MAP:
      return read_map(element.GetMapTypeInfo(), what, output);
    default:
      return unsupported(what, "is a sequence of neither tensors nor maps");
  }
}

Status read_output(const Ort::TypeInfo& type, OutputSpec& output) {
  const std::string what = "output '" + output.name + "'";
  switch (type.GetONNXType()) {
    case ONNX_TYPE_TENSOR:
      return read_tensor(type.GetTensorTypeAndShapeInfo(), what, output.dtype, output.dims, output.dim_names);
    case ONNX_TYPE_SEQUENCE:
      output.kind = Value::Kind::kSequence;
      return read_sequence(type.GetSequenceTypeInfo(), what, output);
    case ONNX_TYPE_MAP:
      output.kind = Value::Kind::kMap;
      return read_map(type.GetMapTypeInfo(), what, output);
    default:
      return unsupported(what, "is neither a tensor nor a sequence nor a map");
  }
}

}  // namespace

Result<ModelSpec> read_session_spec(const Ort::Session& session) {
  ModelSpec spec;
  const auto add_input = [&](std::string name, const Ort::TypeInfo& type, bool optional) {
    InputSpec& input = spec.inputs.emplace_back();
    input.name = std::move(name);
    input.optional = optional;
    return read_input(type, input);
  };
  size_t index = 0;
  for (std::string& name : session.GetInputNames()) {
    ORTSERVE_RETURN_IF_ERROR(add_input(std::move(name), session.GetInputTypeInfo(index++), false));
  }
  const Ort::ModelMetadata metadata = session.GetModelMetadata();
  for (InputSpec& input : spec.inputs) {
    ORTSERVE_RETURN_IF_ERROR(read_live(metadata, input));
    read_quantization(metadata, input);
    ORTSERVE_RETURN_IF_ERROR(read_arithmetic(metadata, input));
  }
  index = 0;
  for (std::string& name : session.GetOverridableInitializerNames()) {
    ORTSERVE_RETURN_IF_ERROR(add_input(std::move(name), session.GetOverridableInitializerTypeInfo(index++), true));
  }
  index = 0;
  for (std::string& name : session.GetOutputNames()) {
    OutputSpec& output = spec.outputs.emplace_back();
    output.name = std::move(name);
    ORTSERVE_RETURN_IF_ERROR(read_output(session.GetOutputTypeInfo(index++), output));
  }
  return spec;
}

bool has_dynamic_inner_dims(const ModelSpec& spec) noexcept {
  return std::ranges::any_of(spec.inputs, [](const InputSpec& input) { return has_dynamic_inner_dim(input.dims); });
}

}  // namespace ortserve
