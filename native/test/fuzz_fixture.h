// SPDX-License-Identifier: Apache-2.0
// What the fuzzers share: models with every datatype, and the properties that every decoded request must have.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/codec/wire.h"

namespace ortserve::fuzz {

inline void require(bool holds, const char* property) {
  if (holds) return;
  std::fprintf(stderr, "property violated: %s\n", property);
  std::abort();
}

/// Model `which` of kModels: each datatype alone and in rows, then models with features, several and optional inputs.
inline constexpr size_t kModels = 2 * kDTypeCount + 2;

inline ModelSpec model(size_t which) {
  ModelSpec spec;
  spec.name = "m";
  spec.version = "1";
  spec.batched = which % 2 == 1;
  const auto add = [&spec](const char* name, DType dtype, const Shape& dims) {
    InputSpec input;
    input.name = name;
    input.dtype = dtype;
    input.dims = dims;
    spec.inputs.push_back(input);
    OutputSpec output;
    output.name = name;
    output.dtype = dtype;
    output.dims = dims;
    spec.outputs.push_back(output);
  };
  if (which < 2 * kDTypeCount) {
    add("x", static_cast<DType>(which / 2), which % 4 < 2 ? Shape{-1} : Shape{-1, -1});
  } else if (which == 2 * kDTypeCount) {
    spec.batched = true;
    add("x", DType::kFp32, {-1, 3});
    spec.inputs[0].features = {"f", "g", "id"};
  } else {
    spec.batched = true;
    spec.max_rows = 16;
    add("a", DType::kFp32, {-1, 2});
    add("b", DType::kString, {-1, 1});
    add("c", DType::kInt64, {-1});
    spec.inputs[2].optional = true;
  }
  return spec;
}

/// A body as the server makes it: at the alignment BodyBuffer gives, and no byte beyond the padding readable.
inline Buffer body_of(BufferPool& pool, std::string_view text, size_t json_size) {
  auto body = BodyBuffer::create(pool, text.size(), json_size, SIZE_MAX);
  require(body.ok() && body->append(std::as_bytes(std::span(text))).ok(), "a body is collected");
  return body->take();
}

class HeapArena final : public ReplyArena {
 public:
  std::byte* acquire(size_t bound) override {
    require(bound < (1u << 30), "a reply's bound is not far above what the request brought");
    memory_ = std::vector<std::byte>(bound);
    return memory_.data();
  }

 private:
  std::vector<std::byte> memory_;
};

inline void check_tensor(const InputSpec& spec, const Tensor& tensor) {
  require(tensor.dtype == spec.dtype, "the datatype is the model's");
  require(tensor.shape.rank() == spec.dims.rank(), "the rank is the model's");
  const auto elements = tensor.shape.elements();
  require(elements.has_value(), "the elements can be counted");
  for (size_t i = 0; i < tensor.shape.rank(); ++i) {
    require(spec.dims[i] == -1 || spec.dims[i] == tensor.shape[i], "every dim fits the model's");
  }
  const auto count = static_cast<size_t>(*elements);
  if (tensor.dtype != DType::kString) {
    require(tensor.offsets.empty(), "numbers have no offsets");
    require(tensor.byte_size() == count * dtype_size(tensor.dtype), "the bytes match the shape");
    require(count == 0 || reinterpret_cast<uintptr_t>(tensor.data.data()) % dtype_size(tensor.dtype) == 0,
            "the data are aligned");
  } else {
    require(tensor.offsets.size() == count + 1, "there is an offset per string and one more");
    require(tensor.offsets.front() == 0 && tensor.offsets.back() == tensor.byte_size(), "the offsets span the data");
    for (size_t i = 0; i < count; ++i) require(tensor.offsets[i] <= tensor.offsets[i + 1], "the offsets ascend");
  }
  uint64_t sum = 0;  // touches every byte, for the address sanitizer
  for (size_t i = 0; i < tensor.byte_size(); ++i) sum += std::to_integer<uint64_t>(tensor.data.data()[i]);
  volatile uint64_t sink = sum;
  (void)sink;
}

/// Checks everything that decode_request() promises about a request it accepted.
inline void check_request(const ModelSpec& spec, const WireRequest& request) {
  require(request.inputs.size() == spec.inputs.size() && request.present.size() == spec.inputs.size(),
          "there is an entry per input");
  uint64_t bytes = 0;
  for (size_t i = 0; i < spec.inputs.size(); ++i) {
    if (!request.present[i]) {
      require(spec.inputs[i].optional && request.inputs[i].data.empty(), "only optional inputs are absent");
      continue;
    }
    check_tensor(spec.inputs[i], request.inputs[i]);
    bytes += request.inputs[i].byte_size();
    if (spec.batched) require(request.inputs[i].shape[0] == request.rows, "every input has the request's rows");
  }
  require(bytes == request.input_bytes, "the input bytes are counted");
  require(request.rows >= 1 && (spec.max_rows == 0 || request.rows <= spec.max_rows), "the rows are within bounds");
  require(request.binary.size() == (request.wanted.empty() ? spec.outputs.size() : request.wanted.size()),
          "there is a form per wanted output");
  for (uint16_t output : request.wanted) require(output < spec.outputs.size(), "wanted outputs exist");
}

inline bool same_tensor(const Tensor& a, const Tensor& b) {
  return a.dtype == b.dtype && a.shape == b.shape && a.offsets == b.offsets && a.byte_size() == b.byte_size() &&
         (a.byte_size() == 0 || std::memcmp(a.data.data(), b.data.data(), a.byte_size()) == 0);
}

/// The inputs as the values of the outputs of the same names, all of them.
inline void echo(WireRequest& request) {
  request.outputs.clear();
  request.wanted.clear();
  for (size_t i = 0; i < request.inputs.size(); ++i) {
    if (!request.present[i]) continue;
    Value value;
    value.tensor = request.inputs[i];
    request.outputs.push_back(value);
    request.wanted.push_back(static_cast<uint16_t>(i));
  }
}

}  // namespace ortserve::fuzz
