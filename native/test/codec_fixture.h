// SPDX-License-Identifier: Apache-2.0
// Small models and shorthands for the codec tests.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "core/codec/wire.h"

namespace ortserve {

inline InputSpec input_spec(std::string name, DType dtype, Shape dims) {
  InputSpec spec;
  spec.name = std::move(name);
  spec.dtype = dtype;
  spec.dims = dims;
  return spec;
}

inline OutputSpec output_spec(std::string name, DType dtype, Shape dims) {
  OutputSpec spec;
  spec.name = std::move(name);
  spec.dtype = dtype;
  spec.dims = dims;
  return spec;
}

/// One input and one output of a datatype, any number of elements, not batched.
inline ModelSpec identity_model(DType dtype) {
  ModelSpec spec;
  spec.name = "ident_" + std::string(dtype_name(dtype));
  spec.version = "1";
  spec.inputs = {input_spec("IN", dtype, {-1})};
  spec.outputs = {output_spec("OUT", dtype, {-1})};
  return spec;
}

/// INPUT0 and INPUT1 INT32 [16], batched to at most 8 rows; OUTPUT0 and OUTPUT1 alike.
inline ModelSpec simple_model() {
  ModelSpec spec;
  spec.name = "simple";
  spec.version = "1";
  spec.batched = true;
  spec.max_rows = 8;
  spec.inputs = {input_spec("INPUT0", DType::kInt32, {-1, 16}), input_spec("INPUT1", DType::kInt32, {-1, 16})};
  spec.outputs = {output_spec("OUTPUT0", DType::kInt32, {-1, 16}), output_spec("OUTPUT1", DType::kInt32, {-1, 16})};
  return spec;
}

/// One batched input `name`.
inline ModelSpec batched_model(std::string name, DType dtype, Shape dims) {
  ModelSpec spec;
  spec.name = "m";
  spec.version = "3";
  spec.batched = true;
  spec.inputs = {input_spec(std::move(name), dtype, dims)};
  spec.outputs = {output_spec("y", DType::kFp32, {-1, 2})};
  return spec;
}

/// Reply memory of exactly the size asked for, so that a sanitizer sees a bound that is too small.
class HeapArena final : public ReplyArena {
 public:
  std::byte* acquire(size_t bound) override {
    ++acquired;
    memory.assign(bound, std::byte{0xee});
    memory.shrink_to_fit();
    return memory.data();
  }

  int acquired = 0;
  std::vector<std::byte> memory;
};

class CodecTest : public testing::Test {
 protected:
  /// Decodes `json` followed by `blobs`, as one body. With blobs the JSON's length is given, as the header would.
  Status decode(const ModelSpec& spec, const std::string& json, const std::string& blobs = "",
                std::optional<size_t> json_size = std::nullopt) {
    if (!json_size && !blobs.empty()) json_size = json.size();
    auto body = BodyBuffer::create(pool, json.size() + blobs.size(), json_size.value_or(0), 1u << 30);
    EXPECT_TRUE(body.ok());
    EXPECT_TRUE(body->append(std::as_bytes(std::span(json))).ok());
    EXPECT_TRUE(body->append(std::as_bytes(std::span(blobs))).ok());
    return decode_body(spec, body->take(), json_size);
  }

  Status decode_body(const ModelSpec& spec, const Buffer& body, std::optional<size_t> json_size) {
    request = WireRequest();
    request.format = format;
    request.timings.received = TimePoint(std::chrono::hours(1));
    return decode_request(spec, body, json_size, limits, pool, request, nullptr, seen);
  }

  /// Encodes `outputs` as the answer to `request`; "" and a failure when that is refused.
  std::string encode(const ModelSpec& spec, std::vector<Value> outputs) {
    request.outputs = std::move(outputs);
    if (request.binary.empty()) request.binary.assign(request.outputs.size(), false);
    auto encoded = encode_reply(spec, request, arena);
    if (!encoded.ok()) {
      ADD_FAILURE() << encoded.status().message();
      return "";
    }
    EXPECT_EQ(arena.acquired, 1);
    arena.acquired = 0;
    reply = *encoded;
    EXPECT_LE(reply.size, arena.memory.size());
    return {reinterpret_cast<const char*>(reply.data), reply.size};
  }

  template <typename T>
  std::vector<T> values(size_t input) const {
    const Tensor& tensor = request.inputs[input];
    std::vector<T> result(static_cast<size_t>(tensor.elements()));
    EXPECT_EQ(tensor.byte_size(), result.size() * sizeof(T));
    if (!result.empty()) std::memcpy(result.data(), tensor.data.data(), tensor.byte_size());
    return result;
  }

  std::vector<std::string> strings(size_t input) const {
    std::vector<std::string> result;
    for (int64_t i = 0; i < request.inputs[input].elements(); ++i) {
      result.emplace_back(request.inputs[input].string_at(i));
    }
    return result;
  }

  template <typename T>
  Value tensor(DType dtype, const Shape& shape, const std::vector<T>& elements) {
    Value value;
    value.tensor = allocate_tensor(pool, dtype, shape).value();
    EXPECT_EQ(value.tensor.byte_size(), elements.size() * sizeof(T));
    if (!elements.empty()) std::memcpy(value.tensor.data.data(), elements.data(), value.tensor.byte_size());
    return value;
  }

  Value texts(const Shape& shape, const std::vector<std::string>& elements) {
    Value value;
    value.tensor.dtype = DType::kString;
    value.tensor.shape = shape;
    std::string bytes;
    for (const std::string& element : elements) {
      value.tensor.offsets.push_back(bytes.size());
      bytes += element;
    }
    value.tensor.offsets.push_back(bytes.size());
    value.tensor.data = pool.acquire(bytes.size()).value();
    std::memcpy(value.tensor.data.data(), bytes.data(), bytes.size());
    return value;
  }

  BufferPool pool{{}};
  DecodeLimits limits;
  WireFormat format = WireFormat::kPredict;
  SeenHeader* seen = nullptr;
  WireRequest request;
  HeapArena arena;
  EncodedReply reply;
};

/// The bytes of `values`, as they stand in a blob.
template <typename T>
std::string blob_of(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

/// BYTES elements, each after its u32 length.
inline std::string bytes_blob(const std::vector<std::string>& elements) {
  std::string blob;
  for (const std::string& element : elements) {
    blob += blob_of<uint32_t>({static_cast<uint32_t>(element.size())}) + element;
  }
  return blob;
}

#define EXPECT_FAILS(status, wanted_code, wanted_text)                                  \
  do {                                                                                  \
    const Status status_seen = (status);                                                \
    EXPECT_EQ(status_seen.code(), wanted_code) << status_seen.message();                \
    EXPECT_NE(status_seen.message().find(wanted_text), std::string::npos)               \
        << "message: " << status_seen.message() << "\nexpected in it: " << wanted_text; \
  } while (false)

#define ASSERT_OK(status)                                   \
  do {                                                      \
    const Status status_seen = (status);                    \
    ASSERT_TRUE(status_seen.ok()) << status_seen.message(); \
  } while (false)

#define EXPECT_OK(status)                                   \
  do {                                                      \
    const Status status_seen = (status);                    \
    EXPECT_TRUE(status_seen.ok()) << status_seen.message(); \
  } while (false)

}  // namespace ortserve
