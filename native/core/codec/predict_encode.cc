// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string_view>

#include "core/codec/json_writer.h"
#include "core/codec/reply_formats.h"
#include "core/codec/value_writer.h"

namespace ortserve {

namespace {

constexpr size_t kFrame = sizeof(R"({"id":,"predictions":[],"model":,"version":,"timing":})") + kTimingBound;

class PredictEncoder {
 public:
  PredictEncoder(const ModelSpec& spec, const WireRequest& request) : spec_(spec), request_(request) {
    by_row_ = spec.batched &&
              std::ranges::all_of(request.outputs, [&](const Value& value) { return has_rows(value, request.rows); });
  }

  Result<size_t> bound() const;
  void write(JsonWriter& writer) const noexcept;

 private:
  bool named() const noexcept { return request_.outputs.size() != 1; }
  std::string_view name(size_t i) const noexcept { return output_of(spec_, request_, i).name; }
  size_t items() const noexcept { return by_row_ ? static_cast<size_t>(request_.rows) : 1; }
  void write_item(JsonWriter& writer, size_t item) const noexcept;
  void write_part(JsonWriter& writer, size_t output, size_t item) const noexcept;

  const ModelSpec& spec_;
  const WireRequest& request_;
  bool by_row_;  // one prediction per row; else one prediction with the whole outputs
};

Result<size_t> PredictEncoder::bound() const {
  size_t bound = kFrame + string_bound(request_.id) + string_bound(spec_.name) + string_bound(spec_.version);
  size_t keys = 3;  // of one item: braces, and the comma after it
  for (size_t i = 0; i < request_.outputs.size(); ++i) {
    auto value = value_bound(name(i), request_.outputs[i]);
    if (!value.ok()) return value;
    bound = saturating_add(bound, *value);
    keys += string_bound(name(i)) + 2;
  }
  const bool countable = keys <= SIZE_MAX / items();
  return saturating_add(bound, countable ? keys * items() : SIZE_MAX);
}

void PredictEncoder::write(JsonWriter& writer) const noexcept {
  writer.put('{');
  if (!request_.id.empty()) {
    writer.key("id");
    writer.string(request_.id);
    writer.put(',');
  }
  writer.text(R"("predictions":[)");
  for (size_t item = 0; item < items(); ++item) {
    if (item) writer.put(',');
    write_item(writer, item);
  }
  writer.text(R"(],"model":)");
  writer.string(spec_.name);
  writer.text(R"(,"version":)");
  writer.string(spec_.version);
  if (request_.timing) {
    writer.text(R"(,"timing":)");
    write_timing(writer, request_);
  }
  writer.put('}');
}

void PredictEncoder::write_item(JsonWriter& writer, size_t item) const noexcept {
  if (!named()) return write_part(writer, 0, item);
  writer.put('{');
  for (size_t i = 0; i < request_.outputs.size(); ++i) {
    if (i) writer.put(',');
    writer.key(name(i));
    write_part(writer, i, item);
  }
  writer.put('}');
}

void PredictEncoder::write_part(JsonWriter& writer, size_t output, size_t item) const noexcept {
  const Value& value = request_.outputs[output];
  by_row_ ? write_row(writer, value, static_cast<int64_t>(item)) : write_value(writer, value);
}

}  // namespace

Result<EncodedReply> encode_predict(const ModelSpec& spec, WireRequest& request, ReplyArena& arena) {
  const PredictEncoder encoder(spec, request);
  auto bound = encoder.bound();
  if (!bound.ok()) return bound.take_status();
  auto memory = acquire_reply(arena, *bound);
  if (!memory.ok()) return memory.take_status();
  char* const begin = reinterpret_cast<char*>(*memory);
  JsonWriter writer(begin);
  encoder.write(writer);
  return EncodedReply{*memory, static_cast<size_t>(writer.end() - begin), 0};
}

}  // namespace ortserve
