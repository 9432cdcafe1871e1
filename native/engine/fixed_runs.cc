// SPDX-License-Identifier: Apache-2.0
#include "engine/fixed_runs.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "engine/element_type.h"

namespace ortserve {

namespace {

Status unsupported(const std::string& what) {
  return {Code::kUnsupported, "CUDA graphs take numeric tensors only: " + what};
}

bool is_on_device(const OrtMemoryInfo* memory) noexcept {
  OrtMemoryInfoDeviceType type = OrtMemoryInfoDeviceType_CPU;
  Ort::GetApi().MemoryInfoGetDeviceType(memory, &type);
  return type != OrtMemoryInfoDeviceType_CPU;
}

}  // namespace

FixedRuns::FixedRuns(Parts parts, const ModelSpec& spec)
    : session_(std::move(parts.session)),
      spec_(spec),
      shapes_(std::move(parts.shapes)),
      copy_(std::move(parts.copy)),
      gate_(parts.gate),
      sets_(shapes_.size()) {}

Result<std::unique_ptr<FixedRuns>> FixedRuns::create(Parts parts, const ModelSpec& spec) {
  for (const InputSpec& input : spec.inputs) {
    if (input.optional) return unsupported("input '" + input.name + "' is optional");
    if (input.dtype == DType::kString) return unsupported("input '" + input.name + "' is of strings");
  }
  for (const OutputSpec& output : spec.outputs) {
    if (output.kind != Value::Kind::kTensor || output.dtype == DType::kString) {
      return unsupported("output '" + output.name + "' is none");
    }
    if (spec.input_index(output.name) >= 0) return unsupported("output '" + output.name + "' is an input");
  }
  return std::unique_ptr<FixedRuns>(new FixedRuns(std::move(parts), spec));
}

int FixedRuns::find(std::span<const Tensor> inputs, const std::vector<bool>& present) const noexcept {
  if (std::ranges::find(present, false) != present.end()) return -1;
  const auto found = std::ranges::find_if(shapes_, [&](const std::vector<Shape>& shapes) {
    return std::ranges::equal(shapes, inputs, [](const Shape& a, const Tensor& b) { return a == b.shape; });
  });
  return found == shapes_.end() ? -1 : static_cast<int>(found - shapes_.begin());
}

size_t FixedRuns::captured() const noexcept {
  return static_cast<size_t>(std::ranges::count_if(sets_, &Set::captured));
}

Status FixedRuns::run(int index, std::span<const Tensor> inputs, std::span<const uint16_t> wanted,
                      std::vector<Value>& outputs, BufferPool& pool, RunTimes* times) {
  Set& set = sets_[static_cast<size_t>(index)];
  const GatePass pass(gate_, !set.captured);
  if (!set.prepared) {
    if (Status status = prepare(set, index, inputs); !status.ok()) {
      clear(set);  // from the beginning, the next time
      return status;
    }
  }
  ORTSERVE_RETURN_IF_ERROR(fill(set, inputs));
  if (times) times->bound = Clock::now();
  ORTSERVE_RETURN_IF_ERROR(
      take_ort_status(Ort::GetApi().RunWithBinding(*session_, set.options, set.binding), Code::kRunFailed));
  set.captured = true;
  if (times) times->computed = Clock::now();
  return collect(set, wanted, outputs, pool);
}

void FixedRuns::clear(Set& set) noexcept {
  set.binding = Ort::IoBinding(nullptr);
  set.outputs.clear();
  set.inputs.clear();
  set.allocators.clear();
  set.prepared = false;
}

// The first run finds out what the outputs are, and leaves them where they will stay; it is not captured.
Status FixedRuns::prepare(Set& set, int index, std::span<const Tensor> inputs) {
  return guarded(Code::kRunFailed, [&]() -> Status {
    const OrtApi& api = Ort::GetApi();
    const auto wanted = session_->GetMemoryInfoForInputs();
    const auto made = session_->GetMemoryInfoForOutputs();
    set.binding = Ort::IoBinding(*session_);
    for (size_t i = 0; i < inputs.size(); ++i) {
      Ort::Allocator& allocator = set.allocators.emplace_back(*session_, wanted[i]);
      const auto dims = inputs[i].shape.dims();
      set.inputs.push_back(
          Ort::Value::CreateTensor(allocator, dims.data(), dims.size(), element_type_of(inputs[i].dtype)));
      set.binding.BindInput(spec_.inputs[i].name.c_str(), set.inputs.back());
    }
    ORTSERVE_RETURN_IF_ERROR(fill(set, inputs));
    for (size_t i = 0; i < spec_.outputs.size(); ++i) {
      Ort::ThrowOnError(api.BindOutputToDevice(set.binding, spec_.outputs[i].name.c_str(), made[i]));
    }
    Ort::RunOptions first;
    first.AddConfigEntry(kGraphId, kWithoutGraph);
    Ort::ThrowOnError(api.RunWithBinding(*session_, first, set.binding));
    set.outputs = set.binding.GetOutputValues();
    set.binding.ClearBoundOutputs();
    for (size_t i = 0; i < spec_.outputs.size(); ++i) {
      set.binding.BindOutput(spec_.outputs[i].name.c_str(), set.outputs[i]);
    }
    // 0 is ONNX Runtime's own, for runs that name none.
    set.options.AddConfigEntry(kGraphId, std::to_string(index + 1).c_str());
    set.prepared = true;
    return {};
  });
}

FixedRuns::Place FixedRuns::place_of(Ort::Value& value) {
  const Ort::TensorTypeAndShapeInfo info = value.GetTensorTypeAndShapeInfo();
  const size_t element = dtype_size(dtype_of(info.GetElementType()).value_or(DType::kUint8));
  return {value.GetTensorMutableRawData(), info.GetElementCount() * element, is_on_device(value.GetTensorMemoryInfo())};
}

// Whether the device's copy is the way to it.
bool FixedRuns::reaches(const Place& place) const noexcept {
  return place.on_device || copy_->takes_host_memory();
}

Status FixedRuns::fill(Set& set, std::span<const Tensor> inputs) {
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Place place = place_of(set.inputs[i]);
    if (place.size != inputs[i].data.size()) {
      return {Code::kInvalidInput, "input '" + spec_.inputs[i].name + "': expected " + std::to_string(place.size) +
                                       " bytes, got " + std::to_string(inputs[i].data.size())};
    }
    if (reaches(place)) {
      ORTSERVE_RETURN_IF_ERROR(copy_->to_device(place.data, inputs[i].data.data(), place.size));
    } else if (place.size > 0) {
      std::memcpy(place.data, inputs[i].data.data(), place.size);
    }
  }
  return {};
}

Status FixedRuns::collect(Set& set, std::span<const uint16_t> wanted, std::vector<Value>& outputs, BufferPool& pool) {
  outputs.resize(wanted.size());
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (wanted[i] >= set.outputs.size()) {
      return {Code::kInvalidArgument, "there is no output " + std::to_string(wanted[i])};
    }
    Ort::Value& value = set.outputs[wanted[i]];
    const auto dims = value.GetTensorTypeAndShapeInfo().GetShape();
    auto tensor = allocate_tensor(pool, spec_.outputs[wanted[i]].dtype, Shape(std::span(dims)));
    if (!tensor.ok()) return tensor.take_status();
    const Place place = place_of(value);
    if (reaches(place)) {
      ORTSERVE_RETURN_IF_ERROR(copy_->to_host(tensor->data.data(), place.data, place.size));
    } else if (place.size > 0) {
      std::memcpy(tensor->data.data(), place.data, place.size);
    }
    outputs[i].tensor = std::move(*tensor);
  }
  return {};
}

}  // namespace ortserve
