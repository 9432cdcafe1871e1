// SPDX-License-Identifier: Apache-2.0
#include "core/codec/open_inference_input.h"

#include <cstring>
#include <utility>

#include "core/codec/binary_blob.h"
#include "core/codec/input_check.h"
#include "core/codec/json_element.h"
#include "core/codec/json_scalar.h"
#include "core/codec/nested_reader.h"
#include "core/nearest_name.h"

namespace ortserve {

namespace {

constexpr std::string_view kOneSource =
    "Input must set only one of the following fields: 'data', 'binary_data_size' in 'parameters', "
    "'shared_memory_region' in 'parameters'. But ";

}  // namespace

std::optional<Buffer> BlobReader::take(uint64_t size) noexcept {
  if (size > left()) return std::nullopt;
  Buffer blob = body_.slice(at_, static_cast<size_t>(size));
  at_ += static_cast<size_t>(size);
  return blob;
}

Status OpenInferenceInput::read(JsonCursor& cursor) {
  JsonObject object(cursor);
  while (object.next()) ORTSERVE_RETURN_IF_ERROR(read_member(object.key(), cursor));
  ORTSERVE_RETURN_IF_ERROR(object.status());
  return finish(cursor);
}

std::optional<SeenHeader::Blob> OpenInferenceInput::blob() const {
  if (!blob_size_) return std::nullopt;
  return SeenHeader::Blob{index_, shape_, *blob_size_};
}

Status OpenInferenceInput::read_member(std::string_view key, JsonCursor& cursor) {
  if (key == "name") {
    ORTSERVE_RETURN_IF_ERROR(once(has_name_, key));
    return read_string(cursor, key, name_);
  }
  if (key == "datatype") {
    ORTSERVE_RETURN_IF_ERROR(once(has_datatype_, key));
    return read_string(cursor, key, datatype_);
  }
  if (key == "shape") {
    ORTSERVE_RETURN_IF_ERROR(once(has_shape_, key));
    return read_shape(cursor);
  }
  if (key == "data" && !is_null(cursor)) {
    ORTSERVE_RETURN_IF_ERROR(once(has_data_, key));
    return read_data(cursor);
  }
  if (key == "parameters" && !is_null(cursor)) {
    ORTSERVE_RETURN_IF_ERROR(once(has_parameters_, key));
    return read_parameters(cursor);
  }
  return cursor.skip_value();
}

Status OpenInferenceInput::read_shape(JsonCursor& cursor) {
  JsonArray dims(cursor);
  while (dims.next()) {
    int64_t dim = -1;
    if (cursor.at_end() || !read_number(cursor.token(), cursor.next_token(), dim) || dim < 0) {
      const Status found = cursor.unexpected("a non-negative integer");
      return {Code::kInvalidInput, "Unable to parse 'shape': " + found.message()};
    }
    cursor.advance();
    if (!shape_.push_back(dim)) {
      return {Code::kInvalidInput, "Unable to parse 'shape' of input " + quoted_name() + ": expected at most " +
                                       std::to_string(Shape::kMaxRank) + " dims"};
    }
  }
  return dims.status();
}

Status OpenInferenceInput::read_parameters(JsonCursor& cursor) {
  JsonObject parameters(cursor);
  while (parameters.next()) {
    const std::string_view key = parameters.key();
    if (key == "binary_data_size") {
      uint64_t size = 0;
      bool again = blob_size_.has_value();
      ORTSERVE_RETURN_IF_ERROR(once(again, key));
      ORTSERVE_RETURN_IF_ERROR(read_uint64(cursor, key, size));
      blob_size_ = size;
      continue;
    }
    ORTSERVE_RETURN_IF_ERROR(RegionReference::owns(key) ? region_.read(cursor, key) : cursor.skip_value());
  }
  return parameters.status();
}

// With everything known the tensor is filled at once. Else the data is gone past, and come back to from finish().
Status OpenInferenceInput::read_data(JsonCursor& cursor) {
  data_ = cursor.mark();
  if (!has_name_ || !has_shape_ || !has_datatype_) return cursor.skip_value();
  ORTSERVE_RETURN_IF_ERROR(match_model());
  return fill_from_json(cursor);
}

Status OpenInferenceInput::finish(JsonCursor cursor) {
  if (!has_name_) return missing_member("name");
  if (!has_shape_) return missing_member("shape");
  if (!has_datatype_) return missing_member("datatype");
  if (!matched_) ORTSERVE_RETURN_IF_ERROR(match_model());
  ORTSERVE_RETURN_IF_ERROR(check_one_source());
  if (blob_size_) return fill_from_blob();
  if (region_.used()) return fill_from_region();
  if (filled_) return {};
  cursor.seek(data_);
  return fill_from_json(cursor);
}

Status OpenInferenceInput::check_one_source() const {
  if (!has_data_ && !blob_size_ && !region_.used()) {
    return {Code::kInvalidInput, std::string(kOneSource) + "no field is set for input " + quoted_name()};
  }
  if (has_data_ + blob_size_.has_value() + region_.used() > 1) {
    std::string message = std::string(kOneSource) + "set";
    if (has_data_) message += " 'data'";
    if (blob_size_) message += " 'binary_data_size'";
    if (region_.used()) message += " 'shared_memory_region'";
    return {Code::kInvalidInput, message + " for input " + quoted_name()};
  }
  return {};
}

Status OpenInferenceInput::match_model() {
  const ModelSpec& spec = context_.spec;
  const int index = spec.input_index(name_);
  if (index < 0) {
    NearestName nearest(name_);
    for (const InputSpec& input : spec.inputs) nearest.offer(input.name);
    return {Code::kInvalidInput,
            "unexpected inference input " + quoted_name() + " for model '" + spec.name + "'" + nearest.question()};
  }
  index_ = static_cast<size_t>(index);
  if (out_.present[index_]) return {Code::kInvalidInput, "input " + quoted_name() + " already exists in request"};
  const auto dtype = dtype_from_name(datatype_);
  if (!dtype) return {Code::kInvalidInput, "invalid datatype for input " + quoted_name() + ": '" + datatype_ + "'"};
  const InputSpec& input = spec.inputs[index_];
  if (*dtype != input.dtype) {
    return {Code::kInvalidInput, "inference input " + quoted_name() + " data-type is '" + datatype_ + "', but model '" +
                                     spec.name + "' expects '" + std::string(dtype_name(input.dtype)) + "'"};
  }
  ORTSERVE_RETURN_IF_ERROR(check_elements());
  ORTSERVE_RETURN_IF_ERROR(check_shape(input, shape_));
  out_.present[index_] = true;
  matched_ = true;
  return {};
}

Status OpenInferenceInput::check_elements() {
  const auto elements = shape_.elements();
  if (elements && static_cast<uint64_t>(*elements) <= context_.limits.max_elements) return {};
  return {Code::kLimitExceeded, "the shape " + shape_.to_string() + " of input " + quoted_name() +
                                    " causes total element count to exceed maximum size of " +
                                    std::to_string(context_.limits.max_elements)};
}

Status OpenInferenceInput::fill_from_json(JsonCursor& cursor) {
  const InputSpec& input = context_.spec.inputs[index_];
  if (input.dtype == DType::kFp16 || input.dtype == DType::kBf16) {
    return {Code::kInvalidInput, "receiving " + datatype_ +
                                     " data via JSON is not supported. Please use the binary data format for input " +
                                     quoted_name()};
  }
  const auto wanted = static_cast<uint64_t>(*shape_.elements());
  TensorBuilder builder(input, context_.pool, wanted, TensorBuilder::Bound::kDeclared);
  // What the text cannot hold is not allocated: the shape is only a claim.
  if (wanted <= cursor.scalars_left()) ORTSERVE_RETURN_IF_ERROR(builder.reserve(wanted));
  ORTSERVE_RETURN_IF_ERROR(read_flattened(cursor, builder));
  if (builder.elements() != wanted) {
    return {Code::kInvalidInput, "Failed to parse 'data' field: shape does not match true shape: expected " +
                                     std::to_string(wanted) + " elements for input " + quoted_name() + " of shape " +
                                     shape_.to_string() + ", got " + std::to_string(builder.elements())};
  }
  out_.inputs[index_] = builder.finish(shape_);
  filled_ = true;
  return {};
}

Status OpenInferenceInput::fill_from_blob() {
  const auto blob = blobs_.take(*blob_size_);
  if (!blob) {
    return {Code::kInvalidInput, "unexpected size for input " + quoted_name() + ", expecting " +
                                     std::to_string(*blob_size_ - blobs_.left()) + " additional bytes for model '" +
                                     context_.spec.name + "'"};
  }
  auto tensor = tensor_from_blob(context_.spec.inputs[index_], shape_, *blob, context_.pool, out_.copied);
  if (!tensor.ok()) return tensor.take_status();
  out_.inputs[index_] = std::move(*tensor);
  return {};
}

// In place, so that the client may change what is read meanwhile. Numbers then are whatever they are when the model
// reads them, and the result must not be cached; strings are copied first, for their lengths are checked.
Status OpenInferenceInput::fill_from_region() {
  auto memory = region_.find(context_.regions);
  if (!memory.ok()) return memory.take_status();
  Buffer blob = *memory;
  const InputSpec& input = context_.spec.inputs[index_];
  if (input.dtype == DType::kString) {
    auto copy = context_.pool.acquire(blob.size());
    if (!copy.ok()) return copy.take_status();
    if (!blob.empty()) std::memcpy(copy->data(), blob.data(), blob.size());
    blob = std::move(*copy);
  }
  CopiedBytes copied;
  auto tensor = tensor_from_blob(input, shape_, blob, context_.pool, copied);
  if (!tensor.ok()) return tensor.take_status();
  if (input.dtype != DType::kString) copied.in -= blob.size();  // counted as copied from a socket
  out_.copied.in += copied.in;
  out_.inputs[index_] = std::move(*tensor);
  out_.cache_use = CacheUse::kBypass;
  return {};
}

}  // namespace ortserve
