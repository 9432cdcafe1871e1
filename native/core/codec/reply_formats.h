// SPDX-License-Identifier: Apache-2.0
// The encoders that encode_reply() chooses from.
#pragma once

#include "core/codec/wire.h"

namespace ortserve {

Result<EncodedReply> encode_predict(const ModelSpec& spec, WireRequest& request, ReplyArena& arena);
Result<EncodedReply> encode_open_inference(const ModelSpec& spec, WireRequest& request, ReplyArena& arena);
/// kInvalidInput: rows were asked for, and an output has none or another number of them.
Result<EncodedReply> encode_tf_serving(const ModelSpec& spec, WireRequest& request, ReplyArena& arena);

/// The model output that request.outputs[i] is the value of.
inline const OutputSpec& output_of(const ModelSpec& spec, const WireRequest& request, size_t i) noexcept {
  return spec.outputs[request.wanted.empty() ? i : request.wanted[i]];
}

/// Memory for a reply of at most `bound` bytes; kOutOfMemory.
Result<std::byte*> acquire_reply(ReplyArena& arena, size_t bound);

}  // namespace ortserve
