// SPDX-License-Identifier: Apache-2.0
// Which queued requests run next: a pure function of the queue, the policy and the time.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/request.h"

namespace ortserve {

struct BatchPolicy {
  int64_t max_rows = 1;         ///< cap of one batch; a single larger request still runs, alone
  Nanoseconds max_delay{0};     ///< how long the oldest request may wait for company; 0: run what is there
  int64_t target_rows = 1;      ///< with max_delay: enough company
  int64_t worthwhile_rows = 1;  ///< a further runner starts beside a busy one only with this many rows ...
  Nanoseconds patience{0};      ///< ... or when the oldest has waited this long
  size_t scan_limit = 64;       ///< how many entries past a mismatching one are looked at
};

/// What the plan sees of one queued request, oldest first.
struct QueuedEntry {
  int64_t rows;
  uint64_t shape_key;
  TimePoint queued;
  TimePoint deadline;
  bool cancelled;
};

struct BatchPlan {
  std::vector<uint32_t> take;         ///< indices to run together, ascending; the head is always first
  std::vector<uint32_t> drop;         ///< indices that are cancelled or expired, ascending
  TimePoint wake = TimePoint::max();  ///< nothing to take yet: when to plan again
};

/// `busy_runners`: runs of this model in flight now. Never takes a cancelled or expired entry; takes the oldest live
/// entry whenever it takes any. `plan` is cleared and refilled, so that its vectors are reused.
void plan_batch(std::span<const QueuedEntry> queue, const BatchPolicy& policy, int busy_runners, TimePoint now,
                BatchPlan& plan);

}  // namespace ortserve
