// SPDX-License-Identifier: Apache-2.0
// Fuzzes the predict form, and TensorFlow Serving's. What decodes must fit the model, and must survive encoding and
// decoding again.
#include "test/fuzz_fixture.h"

namespace ortserve::fuzz {
namespace {

// The reply's predictions as the instances of a new request, its outputs as inputs.
std::string reply_as_request(const WireRequest& request, const EncodedReply& reply) {
  const std::string_view text(reinterpret_cast<const char*>(reply.data), reply.size);
  if (request.format == WireFormat::kTfServing) {
    const std::string key = request.columnar ? "{\"inputs\":" : "{\"instances\":";
    return key + std::string(text.substr(text.find(':') + 1));
  }
  const size_t begin = text.find("\"predictions\":") + 14;
  const size_t end = text.rfind(",\"model\":");
  return "{\"instances\":" + std::string(text.substr(begin, end - begin)) + "}";
}

void check_round_trip(const ModelSpec& spec, BufferPool& pool, WireRequest& request) {
  request.id.clear();
  echo(request);
  request.binary.assign(request.outputs.size(), false);
  // A batched model of one output gives bare rows; rows without elements lose their later dims in JSON.
  HeapArena arena;
  auto reply = encode_reply(spec, request, arena);
  if (!reply.ok()) {
    const bool no_rows = reply.status().code() == Code::kInvalidInput && request.format == WireFormat::kTfServing;
    require(no_rows || reply.status().code() == Code::kUnsupported, "only text that is not UTF-8 cannot be encoded");
    return;
  }
  for (const Value& value : request.outputs) {
    if (value.tensor.elements() == 0) return;
  }
  // With one of several inputs the predictions are bare rows, which need names in a request.
  if (request.outputs.size() == 1 && spec.inputs.size() > 1) return;
  const std::string text = reply_as_request(request, *reply);
  WireRequest again;
  again.format = request.format;
  const Status status = decode_request(spec, body_of(pool, text, 0), std::nullopt, {}, pool, again);
  require(status.ok(), "what was encoded decodes");
  for (size_t i = 0; i < spec.inputs.size(); ++i) {
    require(request.present[i] == again.present[i], "the same inputs are there");
    if (!request.present[i]) continue;
    WireRequest& first = request;
    require(same_tensor(first.inputs[i], again.inputs[i]), "decode, encode, decode gives the same tensor");
  }
}

}  // namespace
}  // namespace ortserve::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ortserve;
  using namespace ortserve::fuzz;
  if (size < 1) return 0;
  BufferPool pool({.max_live_bytes = 256u << 20});
  const ModelSpec spec = model(data[0] % kModels);
  const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
  DecodeLimits limits;
  limits.max_elements = 1u << 16;
  WireRequest request;
  if (data[0] / kModels % 2) request.format = WireFormat::kTfServing;
  const Status status = decode_request(spec, body_of(pool, text, 0), std::nullopt, limits, pool, request);
  require(pool.stats().peak_live_bytes <= 16384 + 64 * size * (spec.inputs.size() + 1),
          "memory is in proportion to the body");
  if (!status.ok()) {
    require(!status.message().empty(), "an error says what is wrong");
    require(status.code() == Code::kInvalidJson || status.code() == Code::kInvalidInput ||
                status.code() == Code::kLimitExceeded,
            "a bad body is the caller's fault");
    return 0;
  }
  check_request(spec, request);
  check_round_trip(spec, pool, request);
  return 0;
}
