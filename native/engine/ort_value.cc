// SPDX-License-Identifier: Apache-2.0
#include "engine/ort_value.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <optional>

#include "engine/element_type.h"

namespace ortserve {

namespace {

constexpr Code kCode = Code::kRunFailed;

// ORT refuses null even where there is nothing to read.
alignas(kBufferAlignment) std::byte nothing[kBufferAlignment];

OrtAllocator* default_allocator() noexcept {
  OrtAllocator* allocator = nullptr;
  // Cannot fail: it hands out a static object.
  Ort::Status(Ort::GetApi().GetAllocatorWithDefaultOptions(&allocator));
  return allocator;
}

Status lend_strings(const Tensor& tensor, Ort::Value& value) {
  const OrtApi& api = Ort::GetApi();
  const auto count = static_cast<size_t>(tensor.elements());
  if (tensor.offsets.size() != count + 1 || tensor.offsets.back() > tensor.data.size() ||
      !std::ranges::is_sorted(tensor.offsets)) {
    return {Code::kInvalidInput, "expected " + std::to_string(count + 1) + " ascending string offsets within " +
                                     std::to_string(tensor.data.size()) + " bytes for shape " +
                                     tensor.shape.to_string() + ", got " + std::to_string(tensor.offsets.size())};
  }
  OrtValue* made = nullptr;
  ORTSERVE_RETURN_IF_ERROR(
      take_ort_status(api.CreateTensorAsOrtValue(default_allocator(), tensor.shape.dims().data(), tensor.shape.rank(),
                                                 ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING, &made),
                      kCode));
  value = Ort::Value(made);
  for (size_t i = 0; i < count; ++i) {
    const std::string_view text = tensor.string_at(static_cast<int64_t>(i));
    if (text.empty()) continue;
    char* bytes = nullptr;
    ORTSERVE_RETURN_IF_ERROR(
        take_ort_status(api.GetResizedStringTensorElementBuffer(made, i, text.size(), &bytes), kCode));
    std::memcpy(bytes, text.data(), text.size());
  }
  return {};
}

Status take_strings(const Ort::Value& ort, BufferPool& pool, Tensor& tensor) {
  const OrtApi& api = Ort::GetApi();
  const auto count = static_cast<size_t>(tensor.elements());
  size_t bytes = 0;
  ORTSERVE_RETURN_IF_ERROR(take_ort_status(api.GetStringTensorDataLength(ort, &bytes), kCode));
  auto buffer = pool.acquire(bytes);
  if (!buffer.ok()) return buffer.take_status();
  std::vector<size_t> starts(count);
  if (count > 0) {
    void* const target = bytes > 0 ? static_cast<void*>(buffer->data()) : nothing;
    ORTSERVE_RETURN_IF_ERROR(
        take_ort_status(api.GetStringTensorContent(ort, target, bytes, starts.data(), count), kCode));
  }
  tensor.data = std::move(*buffer);
  tensor.offsets.assign(starts.begin(), starts.end());
  tensor.offsets.push_back(bytes);
  return {};
}

bool shares_bytes(const std::byte* data, std::span<const Tensor> inputs) noexcept {
  return std::ranges::any_of(inputs, [&](const Tensor& input) {
    const std::less_equal<const std::byte*> not_after;
    return !input.data.empty() && not_after(input.data.data(), data) &&
           !not_after(input.data.data() + input.data.size(), data);
  });
}

Status take_numbers(Ort::Value ort, BufferPool& pool, std::span<const Tensor> inputs, Tensor& tensor) {
  const auto size = static_cast<size_t>(tensor.elements()) * dtype_size(tensor.dtype);
  if (size == 0) return {};
  void* memory = nullptr;
  ORTSERVE_RETURN_IF_ERROR(take_ort_status(Ort::GetApi().GetTensorMutableData(ort, &memory), kCode));
  auto* const data = static_cast<std::byte*>(memory);
  if (shares_bytes(data, inputs)) {
    auto copy = pool.acquire(size);
    if (!copy.ok()) return copy.take_status();
    std::memcpy(copy->data(), data, size);
    tensor.data = std::move(*copy);
    return {};
  }
  OrtValue* const owned = ort;
  tensor.data = Buffer::lend(data, size, [owned] { Ort::GetApi().ReleaseValue(owned); });
  static_cast<void>(ort.release());  // the buffer has it now
  return {};
}

Status take_tensor(Ort::Value ort, BufferPool& pool, std::span<const Tensor> inputs, Tensor& tensor) {
  ONNXTensorElementDataType type = ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
  const int64_t* dims = nullptr;
  size_t rank = 0;
  ORTSERVE_RETURN_IF_ERROR(
      take_ort_status(Ort::GetApi().GetTensorElementTypeAndShapeDataReference(ort, &type, &dims, &rank), kCode));
  const auto dtype = dtype_of(type);
  if (!dtype || rank > Shape::kMaxRank) {
    return {Code::kUnsupported, "an output of ONNX element type " + std::to_string(type) + " with " +
                                    std::to_string(rank) + " dimensions cannot be carried"};
  }
  tensor.dtype = *dtype;
  tensor.shape = Shape(std::span(dims, rank));
  if (*dtype == DType::kString) return take_strings(ort, pool, tensor);
  return take_numbers(std::move(ort), pool, inputs, tensor);
}

Status element_of(const Ort::Value& container, size_t index, Ort::Value& element) {
  OrtValue* made = nullptr;
  ORTSERVE_RETURN_IF_ERROR(
      take_ort_status(Ort::GetApi().GetValue(container, static_cast<int>(index), default_allocator(), &made), kCode));
  element = Ort::Value(made);
  return {};
}

// ORT presents a map as two 1-D tensors.
Status take_map(const Ort::Value& ort, BufferPool& pool, Value& value) {
  value.kind = Value::Kind::kMap;
  Ort::Value keys(nullptr);
  Ort::Value values(nullptr);
  ORTSERVE_RETURN_IF_ERROR(element_of(ort, 0, keys));
  ORTSERVE_RETURN_IF_ERROR(element_of(ort, 1, values));
  auto taken = std::make_shared<Tensor>();
  ORTSERVE_RETURN_IF_ERROR(take_tensor(std::move(keys), pool, {}, *taken));
  value.keys = std::move(taken);
  return take_tensor(std::move(values), pool, {}, value.tensor);
}

bool equal(const Tensor& a, const Tensor& b) noexcept {
  return a.dtype == b.dtype && a.shape == b.shape && a.offsets == b.offsets &&
         std::ranges::equal(std::span(a.data.data(), a.data.size()), std::span(b.data.data(), b.data.size()));
}

/// Puts the small tensors of a sequence's maps together: a classifier gives one map a row, whose keys are those of the
/// row before. Each on its own they would take some 2 KB a row, most of it what surrounds a tensor.
class MapPacker {
 public:
  MapPacker(BufferPool& pool, size_t maps) : pool_(pool), left_(maps) {}

  Status pack(Value& map) {
    if (keys_ && equal(*keys_, *map.keys)) {
      map.keys = keys_;
    } else {
      keys_ = map.keys;
    }
    const size_t size = map.tensor.data.size();
    const size_t step = (size + kAlignment - 1) / kAlignment * kAlignment;
    if (map.tensor.dtype != DType::kString && size > 0) {
      if (room_.size() - used_ < size) ORTSERVE_RETURN_IF_ERROR(make_room(step));
      std::memcpy(room_.data() + used_, map.tensor.data.data(), size);
      map.tensor.data = room_.slice(used_, size);
      used_ = std::min(used_ + step, room_.size());
    }
    --left_;
    return {};
  }

 private:
  static constexpr size_t kAlignment = 8;           // of the widest element
  static constexpr size_t kRoom = size_t{1} << 20;  // bytes

  Status make_room(size_t step) {
    auto room = pool_.acquire(std::max(step, std::min(step * left_, kRoom)));
    if (!room.ok()) return room.take_status();
    room_ = std::move(*room);
    used_ = 0;
    return {};
  }

  BufferPool& pool_;
  size_t left_;
  std::shared_ptr<const Tensor> keys_;
  Buffer room_;
  size_t used_ = 0;
};

Status take_sequence(const Ort::Value& ort, BufferPool& pool, const std::atomic<bool>& stop, Value& value) {
  value.kind = Value::Kind::kSequence;
  size_t count = 0;
  ORTSERVE_RETURN_IF_ERROR(take_ort_status(Ort::GetApi().GetValueCount(ort, &count), kCode));
  value.items.resize(count);
  MapPacker packer(pool, count);
  for (Value& item : value.items) {
    if (stop.load(std::memory_order_relaxed))
      return {Code::kCancelled, "the run was stopped while its output was read"};
    Ort::Value element(nullptr);
    ORTSERVE_RETURN_IF_ERROR(element_of(ort, static_cast<size_t>(&item - value.items.data()), element));
    ORTSERVE_RETURN_IF_ERROR(take_from_ort(std::move(element), pool, {}, stop, item));
    if (item.kind == Value::Kind::kMap) ORTSERVE_RETURN_IF_ERROR(packer.pack(item));
  }
  return {};
}

}  // namespace

Status lend_to_ort(const Tensor& tensor, const OrtMemoryInfo* cpu_memory, Ort::Value& value) {
  if (!tensor.shape.elements()) {
    return {Code::kInvalidInput, "the shape " + tensor.shape.to_string() + " has no countable number of elements"};
  }
  if (tensor.dtype == DType::kString) return lend_strings(tensor, value);
  // ORT only reads inputs; its signature serves outputs as well.
  void* const data = tensor.data.empty() ? nothing : tensor.data.data();
  OrtValue* made = nullptr;
  ORTSERVE_RETURN_IF_ERROR(take_ort_status(
      Ort::GetApi().CreateTensorWithDataAsOrtValue(cpu_memory, data, tensor.data.size(), tensor.shape.dims().data(),
                                                   tensor.shape.rank(), element_type_of(tensor.dtype), &made),
      kCode));
  value = Ort::Value(made);
  return {};
}

Status take_from_ort(Ort::Value ort, BufferPool& pool, std::span<const Tensor> inputs, const std::atomic<bool>& stop,
                     Value& value) {
  ONNXType type = ONNX_TYPE_UNKNOWN;
  ORTSERVE_RETURN_IF_ERROR(take_ort_status(Ort::GetApi().GetValueType(ort, &type), kCode));
  switch (type) {
    case ONNX_TYPE_TENSOR:
      value.kind = Value::Kind::kTensor;
      return take_tensor(std::move(ort), pool, inputs, value.tensor);
    case ONNX_TYPE_MAP:
      return take_map(ort, pool, value);
    case ONNX_TYPE_SEQUENCE:
      return take_sequence(ort, pool, stop, value);
    default:
      return {Code::kUnsupported, "an output is neither a tensor nor a sequence nor a map"};
  }
}

}  // namespace ortserve
