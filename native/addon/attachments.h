// SPDX-License-Identifier: Apache-2.0
// Decoded images and sounds that JavaScript hands over beside a JSON body: `NativeAttachment` of src/native/binding.ts.
#pragma once

#include <node_api.h>

#include "addon/port_request.h"

namespace ortserve {

/// Bodies with attachments up to this size in all are decoded on the JavaScript thread, in place: the kernels write
/// tens of gigabytes per second. Larger ones are copied for a worker.
inline constexpr size_t kDecodeHereMedia = 256 << 10;

/// A JSON body with its attachments, ready for decoding.
struct PreparedBody {
  Buffer json;
  std::vector<Attachment> attachments;
  uint64_t first = 0;    ///< the number by which the JSON names the first of them
  bool in_place = true;  ///< the attachments are the caller's memory: valid until JavaScript runs again
  uint64_t copied = 0;   ///< bytes, with those that decoding will copy
};

/// Throws StatusError: kInvalidArgument, kOutOfMemory.
PreparedBody prepare_body(napi_env env, std::span<const std::byte> json, napi_value attachments, napi_value first);

/// Decodes and queues `request`; here, or on a worker. It always ends with an answer.
void decode_prepared(std::unique_ptr<PortRequest> request, PreparedBody body);

}  // namespace ortserve
