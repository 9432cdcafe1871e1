// SPDX-License-Identifier: Apache-2.0
#include "core/codec/seen_header.h"

#include <functional>
#include <utility>

#include "core/codec/binary_blob.h"
#include "core/codec/input_check.h"

namespace ortserve {

namespace {

constexpr size_t kLongest = 4096;  // bytes of JSON

}  // namespace

bool SeenHeader::fill(std::string_view json, const DecodeContext& context, const Buffer& body, WireRequest& out) const {
  if (json != json_ || body.size() - json.size() != blob_bytes_) return false;
  const CopiedBytes copied = out.copied;
  if (fill_inputs(context, body, out)) return true;
  out.inputs.assign(out.inputs.size(), Tensor());
  out.present.assign(out.present.size(), false);
  out.wanted.clear();
  out.binary.clear();
  out.copied = copied;
  return false;
}

bool SeenHeader::fill_inputs(const DecodeContext& context, const Buffer& body, WireRequest& out) const {
  size_t at = json_.size();
  for (const Blob& blob : blobs_) {
    const Buffer bytes = body.slice(at, static_cast<size_t>(blob.size));
    auto tensor = tensor_from_blob(context.spec.inputs[blob.input], blob.shape, bytes, context.pool, out.copied);
    if (!tensor.ok()) return false;
    out.inputs[blob.input] = std::move(*tensor);
    out.present[blob.input] = true;
    at += bytes.size();
  }
  out.wanted = wanted_;
  out.binary = binary_;
  if (!finish_inputs(context.spec, out).ok()) return false;
  out.priority = priority_;
  out.queue_timeout = queue_timeout_;
  out.timing = timing_;
  return true;
}

void SeenHeader::learn(std::string_view json, std::vector<Blob> blobs, const WireRequest& out) {
  if (json.size() > kLongest) return;
  const size_t hash = std::hash<std::string_view>()(json);
  if (std::exchange(candidate_, hash) != hash) return;
  json_ = json;
  blobs_ = std::move(blobs);
  blob_bytes_ = 0;
  for (const Blob& blob : blobs_) blob_bytes_ += blob.size;
  wanted_ = out.wanted;
  binary_ = out.binary;
  priority_ = out.priority;
  queue_timeout_ = out.queue_timeout;
  timing_ = out.timing;
}

}  // namespace ortserve
