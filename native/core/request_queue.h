// SPDX-License-Identifier: Apache-2.0
// The requests that wait for one model, in the order in which they are to be served.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "core/batch_plan.h"
#include "core/request.h"

namespace ortserve {

/// What happens to a request that has waited for its queue timeout.
enum class OnQueueTimeout : uint8_t {
  kReject,  ///< it fails with kQueueTimeout
  kDelay,   ///< it moves behind the requests of its priority level that are still in time
};

struct QueuePolicy {
  int64_t max_rows = 4096;          ///< that wait, of each priority level; beyond it kQueueFull
  uint64_t max_bytes = 1ull << 30;  ///< of inputs that wait, of all levels; beyond it kQueueFull
  Nanoseconds timeout{0};           ///< how long a request may wait for its run to start; 0: no limit
  OnQueueTimeout on_timeout = OnQueueTimeout::kReject;
  uint32_t priority_levels = 1;   ///< 1 is served first; a level only when those before it are empty
  uint32_t default_priority = 1;  ///< of requests that ask for none, or for one that does not exist
};

/// Levels in strict order, first in first out within a level. Not thread-safe.
class RequestQueue {
 public:
  explicit RequestQueue(QueuePolicy policy);

  /// kQueueFull when there is no room. An empty level takes any request: a bound smaller than one request must not make
  /// it impossible. `model` is named in the message.
  Status room_for(const Request& request, const std::string& model) const;
  /// How long the request may wait: its own timeout or the queue's, whichever is shorter; 0: no limit.
  Nanoseconds timeout_of(const Request& request) const noexcept;
  /// timings.queued is set.
  void push(std::unique_ptr<Request> request);

  bool empty() const noexcept { return entries_.empty(); }
  int64_t rows() const noexcept { return rows_; }
  /// Rows that are served before this request would be.
  int64_t rows_ahead_of(const Request& request) const noexcept;
  /// When the request that is served next was queued. Not when empty.
  TimePoint head_queued() const noexcept { return entries_.front().request->timings.queued; }

  /// Moves back what has waited too long (kDelay), then lists the first `limit` entries. `view` is refilled. Returns
  /// how many were moved.
  uint64_t list(size_t limit, TimePoint now, std::vector<QueuedEntry>& view);
  /// Peeks at an entry, and takes it out, by its index in the list. Taking leaves the other indices as they are.
  const Request& at(size_t index) const noexcept { return *entries_[index].request; }
  std::unique_ptr<Request> take(size_t index);
  /// The same for an entry that is cancelled or expired: its status says which.
  std::unique_ptr<Request> take_dead(size_t index, TimePoint now);
  /// Ends a round of taking: indices are void.
  void close_gaps();
  /// Takes everything.
  std::vector<std::unique_ptr<Request>> clear();

  const QueuePolicy& policy() const noexcept { return policy_; }

 private:
  struct Entry {
    std::unique_ptr<Request> request;  // null: taken in this round
    uint32_t rank;                     // twice the level, plus 1 when moved back
    TimePoint until;                   // its queue timeout
  };
  uint32_t level_of(const Request& request) const noexcept;
  uint64_t move_back(TimePoint now);

  const QueuePolicy policy_;
  std::deque<Entry> entries_;  // ascending rank
  size_t listed_ = 0;
  int64_t rows_ = 0;
  uint64_t bytes_ = 0;
  std::vector<int64_t> level_rows_;
};

}  // namespace ortserve
