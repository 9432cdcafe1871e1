// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>
#include <string_view>

#include "core/codec/base64.h"
#include "core/codec/json_writer.h"
#include "core/codec/reply_formats.h"
#include "core/codec/value_writer.h"

namespace ortserve {

namespace {

constexpr size_t kFrame = sizeof(R"({"predictions":[]})");
constexpr size_t kBase64Frame = sizeof(R"({"b64":""},)");

class TfServingEncoder {
 public:
  TfServingEncoder(const ModelSpec& spec, const WireRequest& request) : spec_(spec), request_(request) {}

  Status check_rows() const;
  Result<size_t> bound() const;
  void write(JsonWriter& writer) const noexcept;

 private:
  bool named() const noexcept { return request_.outputs.size() != 1; }
  bool columnar() const noexcept { return request_.columnar || request_.outputs.empty(); }
  int64_t rows() const noexcept { return columnar() ? 1 : request_.outputs[0].rows(); }
  std::string_view name(size_t i) const noexcept { return output_of(spec_, request_, i).name; }
  // By convention the names of outputs that are not text end so.
  bool in_base64(size_t i) const noexcept {
    const Value& value = request_.outputs[i];
    return value.kind == Value::Kind::kTensor && value.tensor.dtype == DType::kString && name(i).ends_with("_bytes");
  }
  Result<size_t> part_bound(size_t i) const;
  void write_item(JsonWriter& writer, int64_t row) const noexcept;
  void write_part(JsonWriter& writer, size_t output, int64_t row) const noexcept;

  const ModelSpec& spec_;
  const WireRequest& request_;
};

Status TfServingEncoder::check_rows() const {
  if (columnar()) return {};
  for (size_t i = 0; i < request_.outputs.size(); ++i) {
    const int64_t found = request_.outputs[i].rows();
    if (found == request_.instances) continue;
    const std::string got = found < 0 ? "a single value" : std::to_string(found) + " rows";
    return {Code::kInvalidInput, "expected outputs of a row for each of " + std::to_string(request_.instances) +
                                     " instances, which \"predictions\" lists, got " + got + " in output '" +
                                     std::string(name(i)) + "': please give \"inputs\" instead of \"instances\""};
  }
  return {};
}

Result<size_t> TfServingEncoder::part_bound(size_t i) const {
  const Value& value = request_.outputs[i];
  if (!in_base64(i)) return value_bound(name(i), value);
  // The bound of escaped text is more than base64 takes of the same bytes.
  return saturating_add(nested_bound(value.tensor), (kBase64Frame + 4) * static_cast<size_t>(value.tensor.elements()));
}

Result<size_t> TfServingEncoder::bound() const {
  size_t bound = kFrame;
  size_t keys = 3;  // of one item: braces, and the comma after it
  for (size_t i = 0; i < request_.outputs.size(); ++i) {
    auto part = part_bound(i);
    if (!part.ok()) return part;
    bound = saturating_add(bound, *part);
    keys += string_bound(name(i)) + 2;
  }
  const auto items = static_cast<size_t>(rows());
  const bool countable = items == 0 || keys <= SIZE_MAX / items;
  return saturating_add(bound, countable ? keys * items : SIZE_MAX);
}

void TfServingEncoder::write(JsonWriter& writer) const noexcept {
  if (columnar()) {
    writer.text(R"({"outputs":)");
    write_item(writer, 0);
    return writer.put('}');
  }
  writer.text(R"({"predictions":[)");
  for (int64_t row = 0; row < rows(); ++row) {
    if (row) writer.put(',');
    write_item(writer, row);
  }
  writer.text("]}");
}

void TfServingEncoder::write_item(JsonWriter& writer, int64_t row) const noexcept {
  if (!named()) return write_part(writer, 0, row);
  writer.put('{');
  for (size_t i = 0; i < request_.outputs.size(); ++i) {
    if (i) writer.put(',');
    writer.key(name(i));
    write_part(writer, i, row);
  }
  writer.put('}');
}

// Elements from `begin` on, of which `dims` are the nesting.
void write_base64(JsonWriter& writer, const Tensor& tensor, int64_t begin, std::span<const int64_t> dims) noexcept {
  if (dims.empty()) {
    writer.text(R"({"b64":")");
    writer.base64(tensor.string_at(begin));
    return writer.text(R"("})");
  }
  int64_t stride = 1;
  for (const int64_t dim : dims.subspan(1)) stride *= dim;
  writer.put('[');
  for (int64_t i = 0; i < dims[0]; ++i) {
    if (i) writer.put(',');
    write_base64(writer, tensor, begin + i * stride, dims.subspan(1));
  }
  writer.put(']');
}

void TfServingEncoder::write_part(JsonWriter& writer, size_t output, int64_t row) const noexcept {
  const Value& value = request_.outputs[output];
  if (!in_base64(output)) return columnar() ? write_value(writer, value) : write_row(writer, value, row);
  const Tensor& tensor = value.tensor;
  const auto dims = tensor.shape.dims();
  if (columnar()) return write_base64(writer, tensor, 0, dims);
  write_base64(writer, tensor, row * tensor.shape.row_elements().value_or(0), dims.subspan(1));
}

}  // namespace

Result<EncodedReply> encode_tf_serving(const ModelSpec& spec, WireRequest& request, ReplyArena& arena) {
  const TfServingEncoder encoder(spec, request);
  ORTSERVE_RETURN_IF_ERROR(encoder.check_rows());
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
