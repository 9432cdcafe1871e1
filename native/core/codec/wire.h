// SPDX-License-Identifier: Apache-2.0
// From a request body to tensors and from results to a reply body, for each wire format.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/codec/body.h"
#include "core/codec/prepared_input.h"
#include "core/model_spec.h"
#include "core/request.h"
#include "core/shared_regions.h"

namespace ortserve {

enum class WireFormat : uint8_t {
  kPredict,        ///< {"instances": [...]}, {"inputs": ...} or a bare feature object -> {"predictions": [...]}
  kOpenInference,  ///< Open Inference Protocol v2 with the binary tensor extension
  kTfServing,  ///< TensorFlow Serving: {"instances": [...]} -> {"predictions": [...]}, {"inputs": ...} -> {"outputs":
               ///< ...}
  kGenerate,   ///< {"INPUT": scalar or list, ...} -> {"OUTPUT": scalar or list, ...}
};

struct DecodeLimits {
  uint64_t max_elements = 64ull << 20;  ///< per tensor, checked before anything is allocated
  size_t max_depth = 100;               ///< nesting of the JSON
};

class SeenHeader;

/// How an output is sent that is neither JSON nor a blob in the reply.
struct SpecialOutput {
  uint32_t classes = 0;          ///< as so many best elements of each row, with their index; 0: as it is
  std::optional<Buffer> region;  ///< into shared memory: the bytes that the client has set aside
};

/// A request that came over a wire: what the decoder learned and the encoder needs.
struct WireRequest : Request {
  WireFormat format = WireFormat::kPredict;
  std::string id;                      ///< echoed when not empty
  std::vector<bool> binary;            ///< per wanted output (per model output when `wanted` is empty): reply as a blob
  std::vector<SpecialOutput> special;  ///< as `binary`; empty when no output is special
  bool columnar = false;               ///< kTfServing: the request gave "inputs", so the reply gives "outputs"
  int64_t instances = 0;               ///< kTfServing: how many rows the request has, unless it gave "inputs"
  bool timing = false;                 ///< the reply says how long the request took
  bool framed = false;                 ///< WebSocket: a binary reply starts with a u32 little-endian JSON length
  std::vector<Attachment>
      attachments;                ///< decoded images and sounds that the body names by number; dropped by the decoder
  uint64_t first_attachment = 0;  ///< the number of the first, from which the others' run on. One that whoever wrote
                                  ///< the body cannot guess keeps their own numbers from naming an attachment.
};

/// What is special about output `i` of the reply; nullptr: nothing.
inline const SpecialOutput* special_output(const WireRequest& request, size_t i) noexcept {
  return request.special.empty() ? nullptr : &request.special[i];
}

/// Decodes `body` (followed by kJsonPadding readable bytes) into `out.inputs` and the rest of the request.
/// `json_size`: length of the leading JSON (Inference-Header-Content-Length); nullopt: all of it is JSON. 0 means a raw
/// binary request, in every format: the body is the data of the only input. Blobs that lie aligned in `body` become
/// views of it, all others are copied and counted.
/// `regions`: shared memory that requests may name; nullptr: none. `seen`: of this model and this thread; nullptr:
/// none. On failure `out.id` is still set when the body has a readable "id". Errors: kInvalidJson, kInvalidInput,
/// kLimitExceeded, kUnsupported, kNotFound (a region), kOutOfMemory.
Status decode_request(const ModelSpec& spec, const Buffer& body, std::optional<size_t> json_size,
                      const DecodeLimits& limits, BufferPool& pool, WireRequest& out,
                      const SharedRegions* regions = nullptr, SeenHeader* seen = nullptr);

/// Where reply bytes are written. One acquire() per reply.
class ReplyArena {
 public:
  virtual ~ReplyArena() = default;
  /// Room for at most `bound` bytes, or nullptr when memory is short. Any thread.
  virtual std::byte* acquire(size_t bound) = 0;
};

struct EncodedReply {
  std::byte* data = nullptr;
  size_t size = 0;
  size_t json_size = 0;  ///< length of the leading JSON when blobs follow it; 0: the whole body is JSON
};

/// Writes the reply of a request whose status is kOk. FP32 and FP64 as the shortest text that reads back the same, NaN
/// and infinities as the bare tokens NaN, Infinity, -Infinity, 64-bit integers in full. Counts the tensor bytes it
/// copied into request.copied.out.
Result<EncodedReply> encode_reply(const ModelSpec& spec, WireRequest& request, ReplyArena& arena);

}  // namespace ortserve
