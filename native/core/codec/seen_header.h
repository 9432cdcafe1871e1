// SPDX-License-Identifier: Apache-2.0
// The JSON of the last binary request to a model: most clients send the same one over and over.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/codec/decode_formats.h"

namespace ortserve {

/// Belongs to one model and one thread. Knows a header whose inputs all came as blobs, and that has neither an id,
/// which is another one each time, nor outputs that are sent as classes or into shared memory.
class SeenHeader {
 public:
  /// An input of that header, in the order of the blobs.
  struct Blob {
    size_t input;   ///< of the model
    Shape shape;    ///< fits the model
    uint64_t size;  ///< bytes
  };

  /// Fills `out`, whose inputs are all absent, as decode_open_inference() would. False, with `out` as it was, when
  /// `json` is another header, or the blobs behind it are not what it says: then it is read, and what is wrong is told.
  bool fill(std::string_view json, const DecodeContext& context, const Buffer& body, WireRequest& out) const;

  /// Remembers what `json` made of `out`, when it comes for the second time in a row. Long ones are not worth it.
  void learn(std::string_view json, std::vector<Blob> blobs, const WireRequest& out);

 private:
  bool fill_inputs(const DecodeContext& context, const Buffer& body, WireRequest& out) const;

  size_t candidate_ = 0;  // hash of the JSON that was read last
  std::string json_;      // empty: knows none
  std::vector<Blob> blobs_;
  uint64_t blob_bytes_ = 0;
  std::vector<uint16_t> wanted_;
  std::vector<bool> binary_;
  uint64_t priority_ = 0;
  Nanoseconds queue_timeout_{0};
  bool timing_ = false;
};

}  // namespace ortserve
