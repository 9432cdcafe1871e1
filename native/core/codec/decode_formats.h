// SPDX-License-Identifier: Apache-2.0
// The decoders that decode_request() chooses from. All fill the inputs, present, wanted, binary, id and deadline of
// `out`, whose inputs and present have one entry per model input, and call finish_inputs().
#pragma once

#include "core/codec/json_cursor.h"
#include "core/codec/wire.h"

namespace ortserve {

class SeenHeader;

/// What every decoder is given.
struct DecodeContext {
  const ModelSpec& spec;
  const DecodeLimits& limits;
  BufferPool& pool;
  const SharedRegions* regions;  // nullptr: none
  SeenHeader* seen;              // nullptr: none; for binary Open Inference requests
};

/// The predict form: {"instances": ...}, {"inputs": ...} or a bare object of named values. As kTfServing neither bare
/// objects nor options, instances that are always rows, and members that are not known are ignored.
Status decode_predict(const DecodeContext& context, JsonCursor cursor, WireRequest& out);

/// The generate form: an object whose members are inputs, as scalars or lists without a batch dim, or parameters.
Status decode_generate(const DecodeContext& context, JsonCursor cursor, WireRequest& out);

/// Open Inference Protocol: JSON at the start of `body`, blobs from `json_size` on.
Status decode_open_inference(const DecodeContext& context, JsonCursor cursor, const Buffer& body, size_t json_size,
                             WireRequest& out);

/// A raw binary request: all of `body` is the data of the model's one input.
Status decode_raw(const DecodeContext& context, const Buffer& body, WireRequest& out);

}  // namespace ortserve
