// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "core/codec/base64.h"
#include "core/codec/decode_formats.h"
#include "core/codec/input_check.h"
#include "core/codec/json_scalar.h"
#include "core/codec/named_inputs.h"
#include "core/codec/request_options.h"

namespace ortserve {

namespace {

using Mark = JsonCursor::Mark;

// The input that a value without a name belongs to: the only one, or the only one that must come. -1: there is none.
int nameless_input(const ModelSpec& spec) {
  if (spec.inputs.size() == 1) return 0;
  int found = -1;
  for (size_t i = 0; i < spec.inputs.size(); ++i) {
    if (spec.inputs[i].optional) continue;
    if (found >= 0) return -1;
    found = static_cast<int>(i);
  }
  return found;
}

// Keys beside the tensors.
constexpr std::array<std::string_view, 3> kOptions = {"id", "outputs", "parameters"};

size_t option_index(std::string_view key) noexcept {
  return static_cast<size_t>(std::ranges::find(kOptions, key) - kOptions.begin());
}

class PredictDecoder {
 public:
  PredictDecoder(const DecodeContext& context, JsonCursor cursor, WireRequest& out)
      : spec_(context.spec),
        cursor_(cursor),
        start_(cursor.mark()),
        out_(out),
        readers_(context, out.attachments, out.first_attachment) {}

  Status decode();

 private:
  struct Option {
    bool came = false;
    Mark value;
  };

  bool tf_serving() const noexcept { return out_.format == WireFormat::kTfServing; }
  // Whether instances are rows; else there is one, and it is the whole of each input.
  bool by_row() const noexcept { return spec_.batched || tf_serving(); }
  bool at_nameless_bytes() const noexcept;

  Status read_top();
  Status read_bare();
  Status read_instances();
  Status read_instance_objects(JsonArray& list);
  Status read_only_instance();
  Status read_inputs();
  Status read_named(NamedInputs::Mode mode);
  Status read_nameless(std::string_view what);
  Status read_prepared(PreparedInput& prepared);
  Status read_option(std::string_view key);
  Status mark_option(std::string_view key);
  Status check_signature();
  Status names_needed(std::string_view each) const;
  void note_named(const NamedInputs& named);
  Status finish();

  const ModelSpec& spec_;
  JsonCursor cursor_;
  Mark start_;
  WireRequest& out_;
  InputReaders readers_;
  bool has_instances_ = false, has_inputs_ = false;
  std::array<Option, kOptions.size()> options_;
  std::string other_;  // the first key that is none of these
  bool has_other_ = false;
};

Status PredictDecoder::decode() {
  ORTSERVE_RETURN_IF_ERROR(read_top());
  if (!has_instances_ && !has_inputs_) {
    if (tf_serving()) return {Code::kInvalidInput, "Missing 'inputs' or 'instances' key"};
    ORTSERVE_RETURN_IF_ERROR(read_bare());
    return finish();
  }
  if (has_other_) {
    return {Code::kInvalidInput, "unexpected key '" + other_.substr(0, 80) + "' beside '" +
                                     (has_instances_ ? "instances" : "inputs") +
                                     "': expected id, outputs or parameters"};
  }
  for (size_t i = 0; i < kOptions.size(); ++i) {
    if (!options_[i].came) continue;
    cursor_.seek(options_[i].value);
    ORTSERVE_RETURN_IF_ERROR(read_option(kOptions[i]));
  }
  return finish();
}

Status PredictDecoder::read_top() {
  JsonObject top(cursor_);
  while (top.next()) {
    const std::string_view key = top.key();
    if (key == "instances" || key == "inputs") {
      const bool rows = key == "instances";
      ORTSERVE_RETURN_IF_ERROR(once(rows ? has_instances_ : has_inputs_, key));
      if (has_instances_ && has_inputs_) {
        return {Code::kInvalidInput, "expecting only one of 'instances' and 'inputs', got both"};
      }
      ORTSERVE_RETURN_IF_ERROR(rows ? read_instances() : read_inputs());
    } else if (tf_serving()) {
      if (key == "signature_name") ORTSERVE_RETURN_IF_ERROR(check_signature());
      ORTSERVE_RETURN_IF_ERROR(cursor_.skip_value());
    } else {
      ORTSERVE_RETURN_IF_ERROR(mark_option(key));
      ORTSERVE_RETURN_IF_ERROR(cursor_.skip_value());
    }
  }
  ORTSERVE_RETURN_IF_ERROR(top.status());
  out_.columnar = has_inputs_;
  return cursor_.at_end() ? Status() : cursor_.unexpected("the end of the request JSON");
}

// Only notes where a value is: in a bare object these names may be those of features.
Status PredictDecoder::mark_option(std::string_view key) {
  const size_t i = option_index(key);
  if (i < kOptions.size()) {
    options_[i].value = cursor_.mark();
    return once(options_[i].came, key);
  }
  if (key != "signature_name" && !has_other_) {  // which TensorFlow Serving's clients send
    has_other_ = true;
    other_ = key;
  }
  return {};
}

Status PredictDecoder::read_bare() {
  cursor_.seek(start_);
  NamedInputs named(spec_, readers_, spec_.batched ? NamedInputs::Mode::kRows : NamedInputs::Mode::kWhole);
  JsonObject top(cursor_);
  while (top.next()) {
    const std::string_view key = top.key();
    if (option_index(key) < kOptions.size() && !named.knows(key)) {
      ORTSERVE_RETURN_IF_ERROR(read_option(key));
      continue;
    }
    Status status = named.take(key, cursor_);
    if (status.ok()) continue;
    if (named.knows(key)) return status;
    return {status.code(), "expected 'instances', 'inputs' or an object of named inputs: " + status.message()};
  }
  ORTSERVE_RETURN_IF_ERROR(top.status());
  ORTSERVE_RETURN_IF_ERROR(named.end_object(cursor_));
  note_named(named);
  return {};
}

Status PredictDecoder::read_instances() {
  if (cursor_.peek() != '[') return cursor_.unexpected("an array of instances", Code::kInvalidInput);
  const Mark list_start = cursor_.mark();
  JsonArray list(cursor_);
  if (!list.next()) {
    ORTSERVE_RETURN_IF_ERROR(list.status());
    return {Code::kInvalidInput, "expected at least one instance, got an empty 'instances'"};
  }
  if (!by_row()) {
    ORTSERVE_RETURN_IF_ERROR(read_only_instance());
    if (!list.next()) return list.status();
    return {Code::kInvalidInput, "model '" + spec_.name + "' does not batch: expected exactly one instance, got more"};
  }
  if (cursor_.peek() == '{' && !at_nameless_bytes()) return read_instance_objects(list);
  if (nameless_input(spec_) < 0) return names_needed("each instance");
  cursor_.seek(list_start);  // the list is the tensor, its items are the rows
  return read_nameless("'instances'");
}

Status PredictDecoder::read_instance_objects(JsonArray& list) {
  NamedInputs named(spec_, readers_, NamedInputs::Mode::kRows);
  do {
    if (cursor_.peek() != '{') return cursor_.unexpected("an object, as the first instance is", Code::kInvalidInput);
    ORTSERVE_RETURN_IF_ERROR(named.read_object(cursor_));
  } while (list.next());
  note_named(named);
  return list.status();
}

Status PredictDecoder::read_only_instance() {
  const bool named = cursor_.peek() == '{' && !at_nameless_bytes();
  return named ? read_named(NamedInputs::Mode::kWhole) : read_nameless("the instance");
}

Status PredictDecoder::read_inputs() {
  const bool named = cursor_.peek() == '{' && !at_nameless_bytes();
  return named ? read_named(NamedInputs::Mode::kColumns) : read_nameless("'inputs'");
}

// An object that is an element of the input that needs no name, and does not name inputs itself.
bool PredictDecoder::at_nameless_bytes() const noexcept {
  const int input = nameless_input(spec_);
  return input >= 0 && spec_.inputs[static_cast<size_t>(input)].dtype == DType::kString && base64_object(cursor_);
}

// An ONNX model has one signature, which has the name that TensorFlow gives to the default one.
Status PredictDecoder::check_signature() {
  const auto raw = cursor_.raw_string();
  if (raw && (raw->empty() || raw == "serving_default")) return {};
  return {Code::kInvalidInput, "expected signature_name 'serving_default', got " + cursor_.describe()};
}

Status PredictDecoder::read_named(NamedInputs::Mode mode) {
  NamedInputs named(spec_, readers_, mode);
  ORTSERVE_RETURN_IF_ERROR(named.read_object(cursor_));
  note_named(named);
  return {};
}

Status PredictDecoder::read_nameless(std::string_view what) {
  const int input = nameless_input(spec_);
  if (input < 0) return names_needed(what);
  PreparedInput* const prepared = readers_.prepared(static_cast<size_t>(input));
  if (prepared && (prepared->tabular() || readers_.has_attachments() || !cursor_.at_container())) {
    out_.present[static_cast<size_t>(input)] = true;
    return read_prepared(*prepared);
  }
  NestedReader& reader = readers_.nested(static_cast<size_t>(input));
  ORTSERVE_RETURN_IF_ERROR(reader.builder().reserve(cursor_.scalars_left()));
  out_.present[static_cast<size_t>(input)] = true;
  return reader.read_tensor(cursor_);
}

// Rows in a list, or the only one itself.
Status PredictDecoder::read_prepared(PreparedInput& prepared) {
  if (!prepared.tabular()) return cursor_.peek() == '[' ? prepared.add_all(cursor_) : prepared.add_media(cursor_);
  const Mark start = cursor_.mark();
  JsonArray list(cursor_);
  const bool has_rows = list.next() && cursor_.peek() == '[';
  ORTSERVE_RETURN_IF_ERROR(list.status());
  cursor_.seek(start);
  return has_rows ? prepared.add_all(cursor_) : prepared.add_list(cursor_);
}

Status PredictDecoder::read_option(std::string_view key) {
  if (is_null(cursor_)) {
    cursor_.advance();
    return {};
  }
  if (key == "id") return read_string(cursor_, key, out_.id);
  if (key == "parameters") {
    bool binary_output = false;  // the predict form has no blobs
    return read_parameters(cursor_, out_, binary_output);
  }
  JsonArray names(cursor_);
  std::string name;
  while (names.next()) {
    ORTSERVE_RETURN_IF_ERROR(read_string(cursor_, key, name));
    ORTSERVE_RETURN_IF_ERROR(add_wanted(spec_, name, out_));
  }
  return names.status();
}

Status PredictDecoder::names_needed(std::string_view each) const {
  std::string names;
  for (const InputSpec& input : spec_.inputs) names += (names.empty() ? "'" : ", '") + input.name + "'";
  return {Code::kInvalidInput, "model '" + spec_.name + "' has " + std::to_string(spec_.inputs.size()) +
                                   " inputs: expected " + std::string(each) + " to be an object with " + names +
                                   ", got " + cursor_.describe()};
}

void PredictDecoder::note_named(const NamedInputs& named) {
  for (size_t i = 0; i < spec_.inputs.size(); ++i) out_.present[i] = named.has(i);
}

Status PredictDecoder::finish() {
  for (size_t i = 0; i < spec_.inputs.size(); ++i) {
    if (!out_.present[i]) continue;
    auto tensor = readers_.finish(i);
    if (!tensor.ok()) return tensor.take_status();
    if (tf_serving() && has_instances_ && tensor->shape.rank() > 0) out_.instances = tensor->shape[0];
    out_.inputs[i] = std::move(*tensor);
  }
  out_.binary.assign(out_.wanted.empty() ? spec_.outputs.size() : out_.wanted.size(), false);
  return finish_inputs(spec_, out_);
}

}  // namespace

Status decode_predict(const DecodeContext& context, JsonCursor cursor, WireRequest& out) {
  return PredictDecoder(context, cursor, out).decode();
}

}  // namespace ortserve
