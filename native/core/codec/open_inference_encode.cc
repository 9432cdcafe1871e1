// SPDX-License-Identifier: Apache-2.0
#include <cstring>
#include <string>

#include "core/codec/binary_blob.h"
#include "core/codec/classification.h"
#include "core/codec/json_writer.h"
#include "core/codec/reply_formats.h"
#include "core/codec/request_options.h"
#include "core/codec/value_writer.h"

namespace ortserve {

namespace {

constexpr size_t kFrame = sizeof(R"({"id":,"model_name":,"model_version":,"parameters":,"outputs":[]})") + kTimingBound;
constexpr size_t kOutputFrame =
    sizeof(R"({"name":,"datatype":"UINT16","shape":[],"parameters":{"binary_data_size":18446744073709551615}},)");
constexpr size_t kLongestDim = sizeof("9223372036854775807");
constexpr size_t kLengthPrefix = sizeof(uint32_t);

// Bytes of the reply: at most `json`, and exactly `blobs` behind them.
struct Sizes {
  size_t json = 0;
  size_t blobs = 0;
};

// Whether `tensor` fits into the shared memory that the client has set aside for it.
Status check_room(const OutputSpec& spec, const Tensor& tensor, size_t room) {
  const size_t needed = blob_size(tensor);
  if (needed <= room) return {};
  return {Code::kInvalidInput, "shared memory size specified with the request for output '" + spec.name + "' (" +
                                   std::to_string(room) + " bytes) should be at least " + std::to_string(needed) +
                                   " bytes to hold the results"};
}

Status add_output(const OutputSpec& spec, const Value& value, bool binary, const SpecialOutput* special, Sizes& sizes) {
  ORTSERVE_RETURN_IF_ERROR(check_open_inference_output(spec, binary, special));
  size_t json = kOutputFrame + string_bound(spec.name) + kLongestDim * Shape::kMaxRank;
  if (special && special->region) {
    ORTSERVE_RETURN_IF_ERROR(check_room(spec, value.tensor, special->region->size()));
  } else if (binary) {
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
    Status status = add_output(output_of(spec, request, i), request.outputs[i], request.binary[i],
                               special_output(request, i), sizes);
    if (!status.ok()) return status;
  }
  return sizes;
}

// `special` outputs are classes, written like any other strings, or not in the reply at all.
void write_output(JsonWriter& writer, const OutputSpec& spec, const Tensor& tensor, bool binary,
                  const SpecialOutput* special) {
  writer.text(R"({"name":)");
  writer.string(spec.name);
  writer.text(R"(,"datatype":")");
  writer.text(dtype_name(tensor.dtype));
  writer.text(R"(","shape":[)");
  for (size_t i = 0; i < tensor.shape.rank(); ++i) {
    if (i) writer.put(',');
    writer.integer(tensor.shape[i]);
  }
  if (special && special->region) {
    writer.text("]}");
  } else if (binary) {
    writer.text(R"(],"parameters":{"binary_data_size":)");
    writer.integer(static_cast<int64_t>(blob_size(tensor)));
    writer.text("}}");
  } else {
    writer.text(R"(],"data":[)");
    writer.elements(tensor, 0, tensor.elements());
    writer.text("]}");
  }
}

// Classes take the place of the scores they are made of.
void rank_classes(const ModelSpec& spec, WireRequest& request) {
  for (size_t i = 0; i < request.outputs.size(); ++i) {
    const uint32_t classes = request.special[i].classes;
    if (classes == 0 || !check_classification(output_of(spec, request, i)).ok()) continue;
    Tensor& scores = request.outputs[i].tensor;
    scores = classify(scores, classes, spec.batched, spec.labels);
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
  if (request.timing) {
    writer.text(R"(,"parameters":)");
    write_timing(writer, request);
  }
  writer.text(R"(,"outputs":[)");
  for (size_t i = 0; i < request.outputs.size(); ++i) {
    if (i) writer.put(',');
    write_output(writer, output_of(spec, request, i), request.outputs[i].tensor, request.binary[i],
                 special_output(request, i));
  }
  writer.text("]}");
}

}  // namespace

Result<std::byte*> acquire_reply(ReplyArena& arena, size_t bound) {
  if (std::byte* memory = bound == SIZE_MAX ? nullptr : arena.acquire(bound)) return memory;
  return {Code::kOutOfMemory, "no memory for a reply of at most " + std::to_string(bound) + " bytes"};
}

Result<EncodedReply> encode_open_inference(const ModelSpec& spec, WireRequest& request, ReplyArena& arena) {
  if (!request.special.empty()) rank_classes(spec, request);
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
    const Tensor& tensor = request.outputs[i].tensor;
    const SpecialOutput* const special = special_output(request, i);
    if (special && special->region) {
      write_blob(tensor, special->region->data());
      request.copied.out += blob_size(tensor);
    } else if (request.binary[i]) {
      end = write_blob(tensor, end);
    }
  }
  request.copied.out += sizes->blobs;
  if (prefix) {
    const auto length = static_cast<uint32_t>(json_size);
    std::memcpy(*memory, &length, kLengthPrefix);
  }
  return EncodedReply{*memory, static_cast<size_t>(end - *memory), has_blobs ? json_size : 0};
}

}  // namespace ortserve
