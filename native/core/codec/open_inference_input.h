// SPDX-License-Identifier: Apache-2.0
// One element of "inputs" in an Open Inference request.
#pragma once

#include <optional>
#include <string>

#include "core/codec/decode_formats.h"
#include "core/codec/region_reference.h"
#include "core/codec/seen_header.h"

namespace ortserve {

/// Blobs that follow the JSON, handed out in order.
class BlobReader {
 public:
  BlobReader(const Buffer& body, size_t json_size) noexcept : body_(body), at_(json_size) {}

  /// The next `size` bytes, or nullopt when fewer are left.
  std::optional<Buffer> take(uint64_t size) noexcept;
  size_t left() const noexcept { return body_.size() - at_; }

 private:
  const Buffer& body_;
  size_t at_;
};

/// Reads one input object, whose keys may come in any order, and puts its tensor into out.inputs.
class OpenInferenceInput {
 public:
  OpenInferenceInput(const DecodeContext& context, BlobReader& blobs, WireRequest& out) noexcept
      : context_(context), blobs_(blobs), out_(out) {}

  Status read(JsonCursor& cursor);

  /// Where it came from, when that was a blob; once read.
  std::optional<SeenHeader::Blob> blob() const;

 private:
  Status read_member(std::string_view key, JsonCursor& cursor);
  Status read_shape(JsonCursor& cursor);
  Status read_parameters(JsonCursor& cursor);
  Status read_data(JsonCursor& cursor);
  Status finish(JsonCursor cursor);
  Status check_one_source() const;
  Status match_model();
  Status check_elements();
  Status fill_from_json(JsonCursor& cursor);
  Status fill_from_blob();
  Status fill_from_region();
  std::string quoted_name() const { return "'" + name_ + "'"; }

  const DecodeContext& context_;
  BlobReader& blobs_;
  WireRequest& out_;

  bool has_name_ = false, has_shape_ = false, has_datatype_ = false, has_parameters_ = false, has_data_ = false;
  std::string name_;
  std::string datatype_;
  Shape shape_;
  std::optional<uint64_t> blob_size_;
  RegionReference region_;
  JsonCursor::Mark data_;
  bool matched_ = false;  // name, datatype and shape agree with the model
  bool filled_ = false;
  size_t index_ = 0;  // of the model's input
};

}  // namespace ortserve
