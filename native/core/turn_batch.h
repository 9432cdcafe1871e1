// SPDX-License-Identifier: Apache-2.0
// Requests too cheap for a thread hop, run together at the end of the event-loop turn in which they came.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "core/request.h"

namespace ortserve {

class Batcher;

/// Belongs to one thread, which fills it through Batcher::submit() and empties it when it has seen what there was to
/// read. So the requests that an event loop finds in one poll share one run, and none of them waits for a later one.
class TurnBatch {
 public:
  using Batch = std::vector<std::unique_ptr<Request>>;

  TurnBatch() = default;
  TurnBatch(const TurnBatch&) = delete;
  TurnBatch& operator=(const TurnBatch&) = delete;

  /// For Batcher: takes an accepted request. Runs those of the same model first when this one cannot join them, because
  /// they would be more than `max_rows` or differ in shape.
  void add(Batcher& batcher, std::unique_ptr<Request> request, int64_t max_rows);

  /// Runs what is there, on this thread; every request added was answered when it returns. A sink must not add.
  void run() noexcept;
  /// Ends what is there with kCancelled.
  void drop() noexcept;

  uint64_t added() const noexcept { return added_; }  ///< requests, ever
  /// Requests that were run, since the last call.
  size_t take_ended() noexcept { return std::exchange(ended_, 0); }

 private:
  struct Group {
    std::shared_ptr<Batcher> batcher;
    Batch requests;  // all may share a batch
    int64_t rows = 0;
  };
  void run(Group& group) noexcept;

  std::vector<Group> groups_;  // one per model
  Batch spare_;                // empty, with the room of an earlier turn
  uint64_t added_ = 0;
  size_t ended_ = 0;
};

}  // namespace ortserve
