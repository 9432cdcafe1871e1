// SPDX-License-Identifier: Apache-2.0
#include "core/codec/json_writer.h"
#include "core/codec/reply_formats.h"
#include "core/codec/value_writer.h"

namespace ortserve {

namespace {

constexpr size_t kFrame = sizeof(R"({"model_name":,"model_version":,"id":,"parameters":})") + kTimingBound;
constexpr size_t kMember = sizeof(R"(,"":[])");

Result<size_t> bound_of(const ModelSpec& spec, const WireRequest& request) {
  size_t bound = kFrame + string_bound(request.id) + string_bound(spec.name) + string_bound(spec.version);
  for (size_t i = 0; i < request.outputs.size(); ++i) {
    const std::string_view name = output_of(spec, request, i).name;
    auto value = value_bound(name, request.outputs[i]);
    if (!value.ok()) return value;
    bound = saturating_add(saturating_add(bound, *value), kMember + string_bound(name));
  }
  return bound;
}

// One element stands alone, more make a flat list.
void write_output(JsonWriter& writer, const Value& value) noexcept {
  if (value.kind != Value::Kind::kTensor) return write_value(writer, value);
  const int64_t elements = value.tensor.elements();
  if (elements != 1) writer.put('[');
  writer.elements(value.tensor, 0, elements);
  if (elements != 1) writer.put(']');
}

}  // namespace

Result<EncodedReply> encode_generate(const ModelSpec& spec, WireRequest& request, ReplyArena& arena) {
  auto bound = bound_of(spec, request);
  if (!bound.ok()) return bound.take_status();
  auto memory = acquire_reply(arena, *bound);
  if (!memory.ok()) return memory.take_status();
  char* const begin = reinterpret_cast<char*>(*memory);
  JsonWriter writer(begin);
  writer.text(R"({"model_name":)");
  writer.string(spec.name);
  writer.text(R"(,"model_version":)");
  writer.string(spec.version);
  if (!request.id.empty()) {
    writer.text(R"(,"id":)");
    writer.string(request.id);
  }
  if (request.timing) {
    writer.text(R"(,"parameters":)");
    write_timing(writer, request);
  }
  for (size_t i = 0; i < request.outputs.size(); ++i) {
    writer.put(',');
    writer.key(output_of(spec, request, i).name);
    write_output(writer, request.outputs[i]);
  }
  writer.put('}');
  return EncodedReply{*memory, static_cast<size_t>(writer.end() - begin), 0};
}

}  // namespace ortserve
