// SPDX-License-Identifier: Apache-2.0
// Fuzzes the generate form. What decodes must fit the model and must survive encoding.
#include "test/fuzz_fixture.h"

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
  request.format = WireFormat::kGenerate;
  const Status status = decode_request(spec, body_of(pool, text, 0), std::nullopt, limits, pool, request);
  if (!status.ok()) {
    require(status.code() == Code::kInvalidJson || status.code() == Code::kInvalidInput ||
                status.code() == Code::kLimitExceeded,
            "a bad body is the caller's fault");
    return 0;
  }
  check_request(spec, request);
  echo(request);
  HeapArena arena;
  auto reply = encode_reply(spec, request, arena);
  require(reply.ok() || reply.status().code() == Code::kUnsupported, "only text that is not UTF-8 cannot be encoded");
  return 0;
}
