// SPDX-License-Identifier: Apache-2.0
// Puts finished requests back into the order in which they were accepted.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "core/request.h"

namespace ortserve {

/// Thread-safe. Requests carry consecutive `sequence` numbers from 0 on, and each is finished exactly once.
class DeliveryOrder {
 public:
  using Batch = std::vector<std::unique_ptr<Request>>;

  /// Keeps `finished` until all before it are finished too, and calls `deliver` with those whose turn has come: on this
  /// thread, or on the one that is delivering already. One call at a time, without the lock; it may re-enter finish().
  void finish(Batch finished, const std::function<void(Batch&)>& deliver);

 private:
  std::mutex mutex_;  // guards everything below
  std::map<uint64_t, std::unique_ptr<Request>> held_;
  uint64_t next_ = 0;
  bool delivering_ = false;
};

}  // namespace ortserve
