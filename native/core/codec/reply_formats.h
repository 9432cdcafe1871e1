// SPDX-License-Identifier: Apache-2.0
// The encoders that encode_reply() chooses from.
#pragma once

#include "core/codec/json_writer.h"
#include "core/codec/wire.h"

namespace ortserve {

Result<EncodedReply> encode_predict(const ModelSpec& spec, WireRequest& request, ReplyArena& arena);
Result<EncodedReply> encode_open_inference(const ModelSpec& spec, WireRequest& request, ReplyArena& arena);
/// kInvalidInput: rows were asked for, and an output has none or another number of them.
Result<EncodedReply> encode_tf_serving(const ModelSpec& spec, WireRequest& request, ReplyArena& arena);
Result<EncodedReply> encode_generate(const ModelSpec& spec, WireRequest& request, ReplyArena& arena);

/// The model output that request.outputs[i] is the value of.
inline const OutputSpec& output_of(const ModelSpec& spec, const WireRequest& request, size_t i) noexcept {
  return spec.outputs[request.wanted.empty() ? i : request.wanted[i]];
}

/// Most bytes that write_timing() writes.
inline constexpr size_t kTimingBound = 128;
/// {"batch_size":4,"queue_us":120,"compute_us":800}: rows of the batch, microseconds before and in the run.
void write_timing(JsonWriter& writer, const Request& request) noexcept;

/// Memory for a reply of at most `bound` bytes; kOutOfMemory.
Result<std::byte*> acquire_reply(ReplyArena& arena, size_t bound);

}  // namespace ortserve
