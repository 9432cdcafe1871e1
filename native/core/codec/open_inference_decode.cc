// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/codec/decode_formats.h"
#include "core/codec/input_check.h"
#include "core/codec/json_scalar.h"
#include "core/codec/open_inference_input.h"
#include "core/codec/region_reference.h"
#include "core/codec/request_options.h"
#include "core/codec/seen_header.h"

namespace ortserve {

namespace {

// The "parameters" of one element of "outputs".
struct OutputParameters {
  bool binary = false;
  uint64_t classes = 0;
  RegionReference region;

  Status read(JsonCursor& cursor);
};

Status OutputParameters::read(JsonCursor& cursor) {
  JsonObject parameters(cursor);
  while (parameters.next()) {
    const std::string_view key = parameters.key();
    if (key == "binary_data") {
      ORTSERVE_RETURN_IF_ERROR(read_bool(cursor, key, binary));
    } else if (key == "classification") {
      ORTSERVE_RETURN_IF_ERROR(read_uint64(cursor, key, classes));
    } else if (RegionReference::owns(key)) {
      ORTSERVE_RETURN_IF_ERROR(region.read(cursor, key));
    } else {
      ORTSERVE_RETURN_IF_ERROR(cursor.skip_value());
    }
  }
  return parameters.status();
}

class OpenInferenceDecoder {
 public:
  OpenInferenceDecoder(const DecodeContext& context, JsonCursor cursor, const Buffer& body, size_t json_size,
                       WireRequest& out) noexcept
      : context_(context),
        cursor_(cursor),
        json_(body.as<const char>(), json_size),
        blobs_(body, json_size),
        out_(out) {}

  Status decode();

 private:
  Status read_member(std::string_view key);
  Status read_inputs();
  Status read_outputs();
  Status read_output();
  Status add_special(uint64_t classes, const RegionReference& region);
  Status check_inputs_complete() const;
  Status check_outputs_fit() const;
  bool is_worth_learning() const;

  const DecodeContext& context_;
  JsonCursor cursor_;
  const std::string_view json_;
  BlobReader blobs_;
  std::vector<SeenHeader::Blob> from_blobs_;  // with context_.seen: inputs
  size_t inputs_ = 0;
  WireRequest& out_;
  bool has_id_ = false, has_parameters_ = false, has_inputs_ = false, has_outputs_ = false;
  bool binary_output_ = false;  // for outputs that are not listed
};

Status OpenInferenceDecoder::decode() {
  JsonObject request(cursor_);
  while (request.next()) ORTSERVE_RETURN_IF_ERROR(read_member(request.key()));
  ORTSERVE_RETURN_IF_ERROR(request.status());
  if (!cursor_.at_end()) return cursor_.unexpected("the end of the request JSON");
  if (!has_inputs_) return missing_member("inputs");
  ORTSERVE_RETURN_IF_ERROR(check_inputs_complete());
  if (blobs_.left() > 0) {
    return {Code::kInvalidInput, "unexpected additional input data for model '" + context_.spec.name +
                                     "': " + std::to_string(blobs_.left()) + " bytes are left after the last input"};
  }
  if (!out_.special.empty()) out_.special.resize(out_.wanted.size());
  if (out_.wanted.empty()) out_.binary.assign(context_.spec.outputs.size(), binary_output_);
  ORTSERVE_RETURN_IF_ERROR(check_outputs_fit());
  ORTSERVE_RETURN_IF_ERROR(finish_inputs(context_.spec, out_));
  if (is_worth_learning()) context_.seen->learn(json_, std::move(from_blobs_), out_);
  return {};
}

// Whether the next request with this JSON is the same one but for its blobs.
bool OpenInferenceDecoder::is_worth_learning() const {
  return context_.seen && from_blobs_.size() == inputs_ && !has_id_ && out_.special.empty();
}

Status OpenInferenceDecoder::read_member(std::string_view key) {
  if (key == "inputs") {
    ORTSERVE_RETURN_IF_ERROR(once(has_inputs_, key));
    return read_inputs();
  }
  const bool absent = is_null(cursor_);  // what some clients send for an optional member without a value
  if (key == "id") {
    ORTSERVE_RETURN_IF_ERROR(once(has_id_, key));
    if (!absent) return read_string(cursor_, key, out_.id);
  } else if (key == "parameters") {
    ORTSERVE_RETURN_IF_ERROR(once(has_parameters_, key));
    if (!absent) return read_parameters(cursor_, out_, binary_output_);
  } else if (key == "outputs") {
    ORTSERVE_RETURN_IF_ERROR(once(has_outputs_, key));
    if (!absent) return read_outputs();
  }
  return cursor_.skip_value();
}

Status OpenInferenceDecoder::read_inputs() {
  JsonArray inputs(cursor_);
  while (inputs.next()) {
    OpenInferenceInput input(context_, blobs_, out_);
    ORTSERVE_RETURN_IF_ERROR(input.read(cursor_));
    ++inputs_;
    if (const auto blob = input.blob(); blob && context_.seen) from_blobs_.push_back(*blob);
  }
  return inputs.status();
}

Status OpenInferenceDecoder::read_outputs() {
  JsonArray outputs(cursor_);
  while (outputs.next()) ORTSERVE_RETURN_IF_ERROR(read_output());
  return outputs.status();
}

Status OpenInferenceDecoder::read_output() {
  std::string name;
  bool has_name = false, has_parameters = false;
  OutputParameters parameters;
  JsonObject output(cursor_);
  while (output.next()) {
    const std::string_view key = output.key();
    if (key == "name") {
      ORTSERVE_RETURN_IF_ERROR(once(has_name, key));
      ORTSERVE_RETURN_IF_ERROR(read_string(cursor_, key, name));
    } else if (key == "parameters" && !is_null(cursor_)) {
      ORTSERVE_RETURN_IF_ERROR(once(has_parameters, key));
      ORTSERVE_RETURN_IF_ERROR(parameters.read(cursor_));
    } else {
      ORTSERVE_RETURN_IF_ERROR(cursor_.skip_value());
    }
  }
  ORTSERVE_RETURN_IF_ERROR(output.status());
  if (!has_name) return missing_member("name");
  ORTSERVE_RETURN_IF_ERROR(add_wanted(context_.spec, name, out_));
  out_.binary.push_back(parameters.binary);
  if (parameters.classes == 0 && !parameters.region.used()) return {};
  return add_special(parameters.classes, parameters.region);
}

// The output that was added last is not sent as it is.
Status OpenInferenceDecoder::add_special(uint64_t classes, const RegionReference& region) {
  out_.special.resize(out_.wanted.size());
  SpecialOutput& special = out_.special.back();
  special.classes = static_cast<uint32_t>(std::min<uint64_t>(classes, UINT32_MAX));
  if (!region.used()) return {};
  if (classes > 0) {
    return {Code::kInvalidInput, "shared memory cannot take the classes of output '" +
                                     context_.spec.outputs[out_.wanted.back()].name + "': expected one or the other"};
  }
  auto memory = region.find(context_.regions);
  if (!memory.ok()) return memory.take_status();
  special.region = std::move(*memory);
  return {};
}

Status OpenInferenceDecoder::check_inputs_complete() const {
  const ModelSpec& spec = context_.spec;
  std::string got, missing;
  size_t came = 0, required = 0;
  for (size_t i = 0; i < spec.inputs.size(); ++i) {
    required += !spec.inputs[i].optional;
    came += out_.present[i];
    if (!out_.present[i] && spec.inputs[i].optional) continue;
    std::string& list = out_.present[i] ? got : missing;
    list += (list.empty() ? "'" : ",'") + spec.inputs[i].name + "'";
  }
  if (missing.empty()) return {};
  const std::string most = std::to_string(spec.inputs.size());
  const std::string expected = required == spec.inputs.size()
                                   ? "expected " + most + " inputs"
                                   : "expected number of inputs between " + std::to_string(required) + " and " + most;
  return {Code::kInvalidInput, expected + " but got " + std::to_string(came) + " inputs for model '" + spec.name +
                                   "'. Got input(s) [" + got + "], but missing required input(s) [" + missing +
                                   "]. Please provide all required input(s)."};
}

Status OpenInferenceDecoder::check_outputs_fit() const {
  for (size_t i = 0; i < out_.binary.size(); ++i) {
    const OutputSpec& output = context_.spec.outputs[out_.wanted.empty() ? i : out_.wanted[i]];
    ORTSERVE_RETURN_IF_ERROR(check_open_inference_output(output, out_.binary[i], special_output(out_, i)));
  }
  return {};
}

}  // namespace

Status decode_open_inference(const DecodeContext& context, JsonCursor cursor, const Buffer& body, size_t json_size,
                             WireRequest& out) {
  return OpenInferenceDecoder(context, cursor, body, json_size, out).decode();
}

}  // namespace ortserve
