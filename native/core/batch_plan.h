// SPDX-License-Identifier: Apache-2.0
// Which queued requests run next: a pure function of the queue, the policy and the time.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "core/request.h"

namespace ortserve {

struct BatchPolicy {
  int64_t max_rows = 1;         ///< cap of one batch; a single larger request still runs, alone
  int instances = 1;            ///< runners that share the queue
  Nanoseconds max_delay{0};     ///< how long the oldest request may wait for company; 0: run what is there
  Nanoseconds run_time{0};      ///< of a full batch: how long before its deadline a request must start
  int64_t target_rows = 1;      ///< with max_delay: enough company
  int64_t worthwhile_rows = 1;  ///< a further runner starts beside a busy one only with this many rows ...
  Nanoseconds patience{0};      ///< ... or when the oldest has waited this long
  size_t scan_limit = 64;       ///< how many entries past a mismatching one are looked at
  /// Ascending. A batch that can have one of these sizes runs at once with the largest of them that it can have, until
  /// the oldest request has waited max_delay; then size matters no longer.
  std::vector<int64_t> preferred_rows = {};
};

/// Why a batch has the size it has.
enum class BatchCut : uint8_t {
  kFull,          ///< the cap: not another request of this shape fits
  kShare,         ///< an even share of what is there: the rest is for the other instances
  kPreferred,     ///< a preferred size, or enough company, was there
  kDelay,         ///< the oldest request had waited max_delay
  kDeadline,      ///< waiting longer would have cost a request its deadline
  kShape,         ///< everything of this shape was taken; requests of other shapes stayed behind
  kInstanceFree,  ///< everything was taken, because there was a free instance to run it
};
inline constexpr size_t kBatchCuts = 7;
/// "full", "share", "preferred", "delay", "deadline", "shape", "instanceFree"
std::string_view batch_cut_name(BatchCut cut) noexcept;

/// What the plan sees of one queued request.
struct QueuedEntry {
  int64_t rows;
  uint64_t shape_key;
  TimePoint queued;
  TimePoint deadline;
  bool cancelled;
};

struct BatchPlan {
  std::vector<uint32_t> take;  ///< indices to run together, ascending; the first live entry is always among them
  std::vector<uint32_t> drop;  ///< indices that are cancelled or expired, ascending
  BatchCut cut = BatchCut::kInstanceFree;  ///< of a batch that is taken
  TimePoint wake = TimePoint::max();       ///< nothing to take yet: when to plan again
};

/// How many rows are queued or running: the most of late, because in between many of them are with their callers.
class Crowd {
 public:
  void see(int64_t rows) noexcept { rows_ = std::max(static_cast<double>(rows), rows_ * kKept); }
  int64_t rows() const noexcept { return static_cast<int64_t>(rows_); }

 private:
  static constexpr double kKept = 127.0 / 128;  // of what is not there any more, each time
  double rows_ = 0;
};

/// What the plan sees of the model besides its queue.
struct BatchLoad {
  int busy_runners = 0;  ///< runs in flight now
  int64_t rows = 0;      ///< queued and running; see Crowd
};

/// `queue`: in the order in which entries are to be served. Never takes a cancelled or expired entry; takes the first
/// live entry whenever it takes any. `plan` is cleared and refilled, so that its vectors are reused.
void plan_batch(std::span<const QueuedEntry> queue, const BatchPolicy& policy, BatchLoad load, TimePoint now,
                BatchPlan& plan);

}  // namespace ortserve
