// SPDX-License-Identifier: Apache-2.0
// Request bodies to tensors and tensors to reply bodies, both wire formats.
#include <cstring>
#include <string>

#include "core/codec/wire.h"
#include "measure.h"

namespace ortserve::bench {
namespace {

class HeapArena final : public ReplyArena {
 public:
  std::byte* acquire(size_t bound) override {
    if (memory_.size() < bound) memory_.resize(bound);
    return memory_.data();
  }

 private:
  std::vector<std::byte> memory_;
};

ModelSpec vector_model(int64_t width) {
  return {.name = "m",
          .version = "1",
          .inputs = {{.name = "x", .dims = {-1, width}}},
          .outputs = {{.name = "y", .dims = {-1, width}}},
          .batched = true};
}

/// Comma-separated numbers in [-1, 1) with up to nine significant digits, as a client prints float32.
std::string number_list(int64_t count) {
  std::string text;
  uint32_t state = 1;
  for (int64_t i = 0; i < count; ++i) {
    state = state * 1664525u + 1013904223u;
    char number[32];
    const float value = static_cast<float>(static_cast<int32_t>(state)) / 2147483648.f;
    text.append(number, static_cast<size_t>(std::snprintf(number, sizeof number, i ? ",%.9g" : "%.9g", value)));
  }
  return text;
}

Buffer body_of(BufferPool& pool, const std::string& text, size_t json_size) {
  auto body = BodyBuffer::create(pool, text.size(), json_size, SIZE_MAX);
  require(body.ok(), "no memory for a body");
  require(body->append(std::as_bytes(std::span(text))).ok(), "a body did not take its bytes");
  return body->take();
}

void decode(BufferPool& pool, const char* name, int64_t width, const std::string& text, WireFormat format,
            std::optional<size_t> json_size, bool per_float) {
  const ModelSpec spec = vector_model(width);
  const Buffer body = body_of(pool, text, json_size.value_or(0));
  const double nanoseconds = nanoseconds_per_call([&] {
    WireRequest request;
    request.format = format;
    const Status status = decode_request(spec, body, json_size, {}, pool, request);
    require(status.ok(), status.message().c_str());
    keep(request);
  });
  report("decode", name, per_float ? nanoseconds / static_cast<double>(width) : nanoseconds,
         per_float ? "float" : "request");
}

void decode_all(BufferPool& pool) {
  decode(pool, "instances JSON, 4 floats", 4, "{\"instances\":[[" + number_list(4) + "]]}", WireFormat::kPredict, {},
         false);
  for (const int64_t width : {784, 150528}) {
    const std::string list = number_list(width);
    const std::string count = std::to_string(width);
    decode(pool, ("instances JSON, " + count + " floats").c_str(), width, "{\"instances\":[[" + list + "]]}",
           WireFormat::kPredict, {}, true);
    const std::string head = "{\"inputs\":[{\"name\":\"x\",\"datatype\":\"FP32\",\"shape\":[1," + count + "],";
    decode(pool, ("Open Inference JSON, " + count + " floats").c_str(), width, head + "\"data\":[" + list + "]}]}",
           WireFormat::kOpenInference, {}, true);
    const std::string bytes = std::to_string(width * 4);
    const std::string json = head + "\"parameters\":{\"binary_data_size\":" + bytes + "}}]}";
    decode(pool, ("Open Inference binary, " + count + " floats").c_str(), width,
           json + std::string(static_cast<size_t>(width) * 4, '\0'), WireFormat::kOpenInference, json.size(), false);
  }
}

void encode(BufferPool& pool, int64_t width, WireFormat format, bool binary) {
  const ModelSpec spec = vector_model(width);
  HeapArena arena;
  WireRequest request;
  request.format = format;
  request.binary = {binary};
  request.outputs.resize(1);
  auto tensor = allocate_tensor(pool, DType::kFp32, {1, width});
  require(tensor.ok(), "no memory for a tensor");
  uint32_t state = 1;
  for (int64_t i = 0; i < width; ++i) {
    state = state * 1664525u + 1013904223u;
    tensor->data.as<float>()[i] = static_cast<float>(static_cast<int32_t>(state)) / 2147483648.f;
  }
  request.outputs[0].tensor = *tensor;
  const double nanoseconds = nanoseconds_per_call([&] {
    const auto reply = encode_reply(spec, request, arena);
    require(reply.ok(), "a reply was not encoded");
    keep(reply);
  });
  const std::string kind = format == WireFormat::kPredict ? "predictions JSON" : "Open Inference JSON";
  const std::string name = (binary ? "Open Inference binary" : kind) + ", " + std::to_string(width) + " floats";
  const bool per_float = !binary && width > 100;
  report("encode", name.c_str(), per_float ? nanoseconds / static_cast<double>(width) : nanoseconds,
         per_float ? "float" : "reply");
}

}  // namespace

void bench_codec() {
  BufferPool pool({});
  decode_all(pool);
  for (const int64_t width : {10, 1000, 150528}) {
    encode(pool, width, WireFormat::kPredict, false);
    encode(pool, width, WireFormat::kOpenInference, false);
    encode(pool, width, WireFormat::kOpenInference, true);
  }
}

}  // namespace ortserve::bench
