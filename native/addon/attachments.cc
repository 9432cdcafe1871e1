// SPDX-License-Identifier: Apache-2.0
#include "addon/attachments.h"

#include <cstring>
#include <utility>

#include "addon/js_read.h"
#include "addon/process_engine.h"
#include "addon/wire_decode.h"

namespace ortserve {

namespace {

Attachment attachment_from_js(napi_env env, napi_value value) {
  napi_typedarray_type type;
  size_t length = 0;
  void* data = nullptr;
  const napi_value view = read_property(env, value, "data");
  if (napi_get_typedarray_info(env, view, &type, &length, &data, nullptr, nullptr) != napi_ok ||
      type != napi_uint8_array) {
    fail(Code::kInvalidArgument, "expected a Uint8Array for an attachment's data");
  }
  const auto size = [&](const char* name) {
    return read_integer(env, read_property(env, value, name), name, 0, INT32_MAX);
  };
  Attachment attachment;
  attachment.data = Buffer::lend(static_cast<std::byte*>(data), length, [] {});
  attachment.width = size("width");
  attachment.height = size("height");
  attachment.channels = size("channels");
  const uint64_t elements = static_cast<uint64_t>(attachment.width) *
                            static_cast<uint64_t>(attachment.height > 0 ? attachment.height : 2);  // bytes of a sample
  if (attachment.channels < 1 || attachment.channels > 64 ||
      elements > length / static_cast<uint64_t>(attachment.channels) ||
      elements * static_cast<uint64_t>(attachment.channels) != length) {
    fail(Code::kInvalidArgument,
         "expected an attachment of width * height * channels bytes, got " + std::to_string(length));
  }
  return attachment;
}

Buffer copy(std::span<const std::byte> bytes, size_t padding) {
  const Buffer buffer = value_or_throw(ProcessEngine::instance().buffers().acquire(bytes.size() + padding));
  if (!bytes.empty()) std::memcpy(buffer.data(), bytes.data(), bytes.size());
  return buffer.slice(0, bytes.size());
}

}  // namespace

PreparedBody prepare_body(napi_env env, std::span<const std::byte> json, napi_value attachments, napi_value first) {
  PreparedBody body;
  body.first = static_cast<uint64_t>(read_integer(env, first, "firstAttachment", 0, int64_t{1} << 48));
  const uint32_t count = read_length(env, attachments, "attachments");
  for (uint32_t i = 0; i < count; ++i) {
    body.attachments.push_back(attachment_from_js(env, read_element(env, attachments, i)));
  }
  body.json = copy(json, kJsonPadding);
  uint64_t media = 0;
  for (const Attachment& attachment : body.attachments) media += attachment.data.size();
  body.copied = json.size() + media;
  body.in_place = body.copied <= kDecodeHereMedia;
  if (body.in_place) return body;
  for (Attachment& attachment : body.attachments) {
    attachment.data = copy({attachment.data.data(), attachment.data.size()}, 0);
  }
  body.copied += media;
  return body;
}

void decode_prepared(std::unique_ptr<PortRequest> request, PreparedBody body) {
  request->copied.in = body.copied;
  request->attachments = std::move(body.attachments);
  request->first_attachment = body.first;
  if (body.in_place || !request->model->begin_decode()) {
    decode_and_queue(std::move(request), body.json, std::nullopt);
  } else {
    decode_on_worker(std::move(request), std::move(body.json), std::nullopt);
  }
}

}  // namespace ortserve
