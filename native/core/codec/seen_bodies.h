// SPDX-License-Identifier: Apache-2.0
// Bodies that the prediction cache answered before: one that comes again, byte by byte, need not be decoded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core/codec/wire.h"

namespace ortserve {

/// Belongs to one thread. Holds bodies and the results that answered them; whoever asks keeps the replies, each under
/// its body's place, and must ask the cache whether the result is there still. A body that is answered over and over
/// drives out one that is not, and nothing else does: traffic that never repeats changes nothing here.
class SeenBodies {
 public:
  static constexpr size_t kPlaces = 256;
  static constexpr size_t kLongest = 16 << 10;  ///< bytes of a body, and of a reply, that are worth keeping

  /// All that the reply to a body depends on.
  struct Question {
    uint32_t model = 0;  ///< id of the load, from 1
    WireFormat format = WireFormat::kPredict;
    bool framed = false;
    std::optional<size_t> json_size;  ///< as decode_request() takes it
    std::span<const std::byte> body;
  };
  struct Answer {
    size_t place = 0;  ///< below kPlaces
    CachedResult result;
  };

  /// The answer to the same question as before; nullptr: it is not known.
  const Answer* find(const Question& question) noexcept;

  /// `question` was decoded and answered with `result`. A body that was so twice, with no other of its place decoded or
  /// found between, takes the place, if there is memory for it: returns where its reply is to be kept. It is known once
  /// confirm() says that the reply is there.
  std::optional<size_t> learn(const Question& question, const CachedResult& result) noexcept;
  /// A place that learn() has never returned is ignored.
  void confirm(size_t place) noexcept;
  /// The result of a place that find() returned is gone from the cache.
  void forget(size_t place) noexcept;

 private:
  struct Place {
    uint64_t fingerprint = 0;
    uint64_t candidate = 0;  // hash of the last body that was decoded
    bool known = false;
    Question question;
    std::vector<std::byte> body;
    Answer answer;
  };

  std::vector<Place> places_;  // kPlaces, once there was something to learn; none of them moves
};

}  // namespace ortserve
