// SPDX-License-Identifier: Apache-2.0
#include "core/codec/wire.h"

#include <new>
#include <string>
#include <string_view>

#include "core/codec/decode_formats.h"
#include "core/codec/json_cursor.h"
#include "core/codec/json_scalar.h"
#include "core/codec/reply_formats.h"
#include "core/codec/seen_header.h"

namespace ortserve {

namespace {

// The "id" of a request that could not be decoded: the first member of that name and a string value, at the top level.
// Looks at tokens only, for the rest of the text may be anything.
void find_id(const JsonText& text, std::string& id) {
  int64_t depth = 0;
  for (uint32_t i = 0; i + 3 < text.tokens(); ++i) {
    const char token = text.token(i);
    depth += (token == '{' || token == '[') - (token == '}' || token == ']');
    if (depth != 1 || token != '"' || text.token(i + 1) != ':') continue;
    JsonCursor cursor = JsonCursor::anywhere(text, i);
    if (cursor.raw_string() != "id") continue;
    cursor = JsonCursor::anywhere(text, i + 2);
    if (!read_string(cursor, "id", id).ok()) id.clear();
    return;
  }
}

Status decode_json(const DecodeContext& context, const Buffer& body, size_t json_size, WireRequest& out) {
  auto text = JsonText::index({body.as<const char>(), json_size});
  if (!text.ok()) return text.take_status();
  auto cursor = JsonCursor::create(*text, context.limits.max_depth);
  Status status;
  if (!cursor.ok()) {
    status = cursor.take_status();
  } else if (out.format == WireFormat::kOpenInference) {
    status = decode_open_inference(context, *cursor, body, json_size, out);
  } else if (json_size != body.size()) {
    status = {Code::kInvalidJson, "unexpected " + std::to_string(body.size() - json_size) +
                                      " bytes after the request JSON: this format has no binary tensors"};
  } else if (out.format == WireFormat::kGenerate) {
    status = decode_generate(context, *cursor, out);
  } else {
    status = decode_predict(context, *cursor, out);
  }
  if (!status.ok() && out.id.empty()) find_id(*text, out.id);
  return status;
}

Status decode(const DecodeContext& context, const Buffer& body, std::optional<size_t> json_size, WireRequest& out) {
  out.inputs.assign(context.spec.inputs.size(), Tensor());
  out.present.assign(context.spec.inputs.size(), false);
  const size_t size = json_size.value_or(body.size());
  if (size > body.size()) {
    return {Code::kInvalidJson, "inference header size should be in range (0, " + std::to_string(body.size()) +
                                    "), got: " + std::to_string(size)};
  }
  if (json_size == 0) return decode_raw(context, body, out);
  if (context.seen && context.seen->fill({body.as<const char>(), size}, context, body, out)) return {};
  return decode_json(context, body, size, out);
}

}  // namespace

Status decode_request(const ModelSpec& spec, const Buffer& body, std::optional<size_t> json_size,
                      const DecodeLimits& limits, BufferPool& pool, WireRequest& out, const SharedRegions* regions,
                      SeenHeader* seen) {
  try {
    Status status = decode({spec, limits, pool, regions, seen}, body, json_size, out);
    out.attachments.clear();
    return status;
  } catch (const std::bad_alloc&) {
    return {Code::kOutOfMemory, "no memory to decode the request"};
  }
}

Result<EncodedReply> encode_reply(const ModelSpec& spec, WireRequest& request, ReplyArena& arena) {
  try {
    switch (request.format) {
      case WireFormat::kPredict:
        return encode_predict(spec, request, arena);
      case WireFormat::kOpenInference:
        return encode_open_inference(spec, request, arena);
      case WireFormat::kTfServing:
        return encode_tf_serving(spec, request, arena);
      case WireFormat::kGenerate:
        return encode_generate(spec, request, arena);
    }
    return {Code::kInternal, "unknown wire format"};
  } catch (const std::bad_alloc&) {
    return {Code::kOutOfMemory, "no memory to encode the reply"};
  }
}

}  // namespace ortserve
