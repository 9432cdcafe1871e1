// SPDX-License-Identifier: Apache-2.0
#include "core/codec/request_options.h"

#include <algorithm>
#include <chrono>
#include <string>

#include "core/codec/classification.h"
#include "core/codec/json_scalar.h"
#include "core/nearest_name.h"

namespace ortserve {

namespace {

// 0 is none, and so is one that is too far away for sums of times to stay in range.
Nanoseconds queue_timeout_of(uint64_t micros) {
  constexpr std::chrono::microseconds kFarAway = std::chrono::hours(24 * 365);
  if (micros >= static_cast<uint64_t>(kFarAway.count())) return Nanoseconds{0};
  return std::chrono::microseconds(static_cast<int64_t>(micros));
}

Status read_ignored(JsonCursor& cursor, std::string_view key) {
  if (key.starts_with("triton_")) {
    return {Code::kInvalidInput, "parameter keys starting with 'triton_' are reserved, got '" + std::string(key) + "'"};
  }
  if (cursor.at_container() || is_null(cursor)) {
    return {Code::kInvalidInput, "parameter '" + std::string(key) +
                                     "' has invalid type: expected a string, a number or a boolean, got " +
                                     cursor.describe()};
  }
  return cursor.skip_value();
}

}  // namespace

Status read_parameter(JsonCursor& cursor, std::string_view key, WireRequest& out, bool& binary_output) {
  uint64_t number = 0;
  bool flag = false;
  if (key == "timeout") {
    ORTSERVE_RETURN_IF_ERROR(read_uint64(cursor, key, number));
    out.queue_timeout = queue_timeout_of(number);
    return {};
  }
  if (key == "priority") return read_uint64(cursor, key, out.priority);
  if (key == "timing") return read_bool(cursor, key, out.timing);
  if (key == "binary_data_output") return read_bool(cursor, key, binary_output);
  if (key == "sequence_id" && cursor.peek() != '"') return read_uint64(cursor, key, number);
  if (key == "sequence_start" || key == "sequence_end") return read_bool(cursor, key, flag);
  return read_ignored(cursor, key);
}

Status read_parameters(JsonCursor& cursor, WireRequest& out, bool& binary_output) {
  JsonObject parameters(cursor);
  while (parameters.next()) {
    ORTSERVE_RETURN_IF_ERROR(read_parameter(cursor, parameters.key(), out, binary_output));
  }
  return parameters.status();
}

Status add_wanted(const ModelSpec& spec, std::string_view name, WireRequest& out) {
  const int index = spec.output_index(name);
  if (index < 0) {
    NearestName nearest(name);
    for (const OutputSpec& output : spec.outputs) nearest.offer(output.name);
    return {Code::kInvalidInput, "unexpected inference output '" + std::string(name) + "' for model '" + spec.name +
                                     "'" + nearest.question()};
  }
  if (std::ranges::find(out.wanted, index) != out.wanted.end()) {
    return {Code::kInvalidInput, "output '" + std::string(name) + "' already exists in request"};
  }
  out.wanted.push_back(static_cast<uint16_t>(index));
  return {};
}

Status check_open_inference_output(const OutputSpec& output, bool binary, const SpecialOutput* special) {
  if (special && special->classes > 0) return check_classification(output);
  binary = binary || (special && special->region);
  if (output.kind != Value::Kind::kTensor) {
    return {Code::kUnsupported,
            "output '" + output.name + "' is a " + (output.kind == Value::Kind::kMap ? "map" : "sequence") +
                ", which the Open Inference Protocol cannot carry. Please ask for other outputs, or "
                "use /predict"};
  }
  if (binary || (output.dtype != DType::kFp16 && output.dtype != DType::kBf16)) return {};
  return {Code::kInvalidInput, "sending " + std::string(dtype_name(output.dtype)) +
                                   " data via JSON is not supported. Please use the binary data format for output '" +
                                   output.name + "'"};
}

}  // namespace ortserve
