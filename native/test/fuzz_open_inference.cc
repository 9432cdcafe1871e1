// SPDX-License-Identifier: Apache-2.0
// Fuzzes Open Inference requests: JSON, blobs behind it at any alignment, raw bodies. What decodes must fit the model,
// and its binary reply, made a request again, must decode to the same tensors.
#include <utility>

#include "core/codec/seen_header.h"
#include "test/fuzz_fixture.h"

namespace ortserve::fuzz {
namespace {

// A request with the same tensors, all of them binary, made from the reply that echoes them.
std::string reply_as_request(const std::string& reply_json) {
  std::string json = reply_json;
  json.replace(json.find("\"outputs\":"), 10, "\"inputs\":");
  json.pop_back();
  return json + ",\"parameters\":{\"binary_data_output\":true}}";
}

void check_round_trip(const ModelSpec& spec, BufferPool& pool, WireRequest& request) {
  echo(request);
  auto special = std::exchange(request.special, {});
  request.timing = false;
  request.binary.assign(request.outputs.size(), true);
  HeapArena arena;
  auto reply = encode_reply(spec, request, arena);
  require(reply.ok(), "every tensor can be sent as a blob");
  const std::string all(reinterpret_cast<const char*>(reply->data), reply->size);
  const size_t json_size = reply->json_size ? reply->json_size : reply->size;
  const std::string json = reply_as_request(all.substr(0, json_size));
  WireRequest again;
  again.format = WireFormat::kOpenInference;
  const Buffer body = body_of(pool, json + all.substr(json_size), json.size());
  require(decode_request(spec, body, json.size(), {}, pool, again).ok(), "what was encoded decodes");
  require(again.id == request.id, "the id comes back");
  for (size_t i = 0; i < spec.inputs.size(); ++i) {
    require(request.present[i] == again.present[i], "the same inputs are there");
    if (request.present[i]) require(same_tensor(request.inputs[i], again.inputs[i]), "the tensors come back");
  }
  request.binary.assign(request.outputs.size(), false);
  if (!special.empty()) special.resize(request.outputs.size());
  request.special = std::move(special);
  request.timing = true;
  if (!encode_reply(spec, request, arena).ok()) return;  // FP16, BF16, and text that is not UTF-8
}

// The third request with a header may be filled without reading it, and must be the same.
void check_header_once_seen(const ModelSpec& spec, BufferPool& pool, const Buffer& body,
                            std::optional<size_t> json_size, const WireRequest& first) {
  SeenHeader seen;
  for (int i = 0; i < 3; ++i) {
    WireRequest again;
    again.format = WireFormat::kOpenInference;
    DecodeLimits limits;
    limits.max_elements = 1u << 16;
    require(decode_request(spec, body, json_size, limits, pool, again, nullptr, &seen).ok(), "it decodes again");
    require(again.id == first.id && again.wanted == first.wanted && again.binary == first.binary &&
                again.special.size() == first.special.size() && again.priority == first.priority &&
                again.queue_timeout == first.queue_timeout && again.timing == first.timing,
            "the same outputs are wanted");
    require(again.present == first.present && again.rows == first.rows && again.shape_key == first.shape_key &&
                again.input_bytes == first.input_bytes,
            "the inputs count the same");
    for (size_t input = 0; input < spec.inputs.size(); ++input) {
      if (first.present[input])
        require(same_tensor(first.inputs[input], again.inputs[input]), "the tensors are the same");
    }
  }
}

}  // namespace
}  // namespace ortserve::fuzz

// Byte 0: the model. Byte 1: the JSON's length, from "all of it" over a separator byte 0 in the body to 0 (raw). Byte
// 2: how far the body lies off its best alignment.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ortserve;
  using namespace ortserve::fuzz;
  if (size < 3) return 0;
  BufferPool pool({.max_live_bytes = 256u << 20});
  const ModelSpec spec = model(data[0] % kModels);
  std::string text(reinterpret_cast<const char*>(data + 3), size - 3);
  std::optional<size_t> json_size;
  if (data[1] % 4 == 0) json_size = 0;
  if (data[1] % 4 == 1) json_size = data[1] / 4;
  if (data[1] % 4 == 2) {
    json_size = text.find('\0');
    if (*json_size == std::string::npos) json_size = text.size();
    text.erase(*json_size, 1);
  }
  DecodeLimits limits;
  limits.max_elements = 1u << 16;
  WireRequest request;
  request.format = WireFormat::kOpenInference;
  const Buffer body = body_of(pool, text, json_size.value_or(0) + data[2] % 8);
  const Status status = decode_request(spec, body, json_size, limits, pool, request);
  require(pool.stats().peak_live_bytes <= 16384 + 64 * size * (spec.inputs.size() + 1),
          "memory is in proportion to the body");
  if (!status.ok()) {
    require(!status.message().empty(), "an error says what is wrong");
    require(status.code() == Code::kInvalidJson || status.code() == Code::kInvalidInput ||
                status.code() == Code::kLimitExceeded || status.code() == Code::kUnsupported,
            "a bad body is the caller's fault");
    return 0;
  }
  check_request(spec, request);
  check_header_once_seen(spec, pool, body, json_size, request);
  check_round_trip(spec, pool, request);
  return 0;
}
