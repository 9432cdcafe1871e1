// SPDX-License-Identifier: Apache-2.0
#include <cstring>
#include <string>

#include "core/codec/binary_blob.h"
#include "core/codec/json_writer.h"
#include "core/codec/reply_formats.h"
#include "core/codec/request_options.h"
#include "core/codec/value_writer.h"

namespace ortserve {

namespace {

constexpr size_t kFrame = sizeof(R"({"id":,"model_name":,"model_version":,"outputs":[]})");
constexpr size_t kOutputFrame =
    sizeof(R"({"name":,"datatype":"UINT16","shape":[],"parameters":{"binary_data_size":18446744073709551615}},)");
constexpr size_t kLongestDim = sizeof("9223372036854775807");
constexpr size_t kLengthPrefix = sizeof(uint32_t);

// Bytes of the reply: at most `json`, and exactly `blobs` behind them.
struct Sizes {
  size_t json = 0;
  size_t blobs = 0;
};

Status add_output(const OutputSpec& spec, const Value& value, bool binary, Sizes& sizes) {
  ORTSERVE_RETURN_IF_ERROR(check_open_inference_output(spec, binary));
  size_t json = kOutputFrame + string_bound(spec.name) + kLongestDim * Shape::kMaxRank;
  if (binary) {
    sizes.blobs += blob_size(value.tensor);
  } else {
    ORTSERVE_RETURN_IF_ERROR(check_utf8(spec.name, value.tensor));
    json = saturating_add(json, elements_bound(value.tensor));
  }
  sizes.json = saturating_add(sizes.json, json);
  return {};
}

Result<Sizes> measure(const ModelSpec& spec, const WireRequest& request) {
  Sizes sizes;
  sizes.json = kFrame + string_bound(request.id) + string_bound(spec.name) + string_bound(spec.version);
  for (size_t i = 0; i < request.outputs.size(); ++i) {
    Status status = add_output(output_of(spec, request, i), request.outputs[i], request.binary[i], sizes);
    if (!status.ok()) return status;
  }
  return sizes;
}

void write_output(JsonWriter& writer, const OutputSpec& spec, const Tensor& tensor, bool binary) {
  writer.text(R"({"name":)");
  writer.string(spec.name);
  writer.text(R"(,"datatype":")");
  writer.text(dtype_name(tensor.dtype));
  writer.text(R"(","shape":[)");
  for (size_t i = 0; i < tensor.shape.rank(); ++i) {
    if (i) writer.put(',');
    writer.integer(tensor.shape[i]);
  }
  if (binary) {
    writer.text(R"(],"parameters":{"binary_data_size":)");
    writer.integer(static_cast<int64_t>(blob_size(tensor)));
    writer.text("}}");
  } else {
    writer.text(R"(],"data":[)");
    writer.elements(tensor, 0, tensor.elements());
    writer.text("]}");
  }
}

void write_json(JsonWriter& writer, const ModelSpec& spec, const WireRequest& request) {
  writer.put('{');
  if (!request.id.empty()) {
    writer.key("id");
    writer.string(request.id);
    writer.put(',');
  }
  writer.text(R"("model_name":)");
  writer.string(spec.name);
  writer.text(R"(,"model_version":)");
  writer.string(spec.version);
  writer.text(R"(,"outputs":[)");
  for (size_t i = 0; i < request.outputs.size(); ++i) {
    if (i) writer.put(',');
    write_output(writer, output_of(spec, request, i), request.outputs[i].tensor, request.binary[i]);
  }
  writer.text("]}");
}

}  // namespace

Result<std::byte*> acquire_reply(ReplyArena& arena, size_t bound) {
  if (std::byte* memory = bound == SIZE_MAX ? nullptr : arena.acquire(bound)) return memory;
  return {Code::kOutOfMemory, "no memory for a reply of at most " + std::to_string(bound) + " bytes"};
}

Result<EncodedReply> encode_open_inference(const ModelSpec& spec, WireRequest& request, ReplyArena& arena) {
  auto sizes = measure(spec, request);
  if (!sizes.ok()) return sizes.take_status();
  const bool has_blobs = sizes->blobs > 0;
  const size_t prefix = request.framed && has_blobs ? kLengthPrefix : 0;
  auto memory = acquire_reply(arena, saturating_add(saturating_add(sizes->json, sizes->blobs), prefix));
  if (!memory.ok()) return memory.take_status();
  char* const json = reinterpret_cast<char*>(*memory + prefix);
  JsonWriter writer(json);
  write_json(writer, spec, request);
  const auto json_size = static_cast<size_t>(writer.end() - json);
  std::byte* end = *memory + prefix + json_size;
  for (size_t i = 0; i < request.outputs.size(); ++i) {
    if (request.binary[i]) end = write_blob(request.outputs[i].tensor, end);
  }
  request.copied.out += sizes->blobs;
  if (prefix) {
    const auto length = static_cast<uint32_t>(json_size);
    std::memcpy(*memory, &length, kLengthPrefix);
  }
  return EncodedReply{*memory, static_cast<size_t>(end - *memory), has_blobs ? json_size : 0};
}

}  // namespace ortserve
