// SPDX-License-Identifier: Apache-2.0
// Counters of one model version, cheap enough to be always on.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>

#include "core/batch_plan.h"
#include "core/request.h"

namespace ortserve {

class ModelStats {
 public:
  /// A count and the total time it took, as the Open Inference Protocol's statistics have it.
  struct Duration {
    uint64_t count = 0;
    uint64_t nanoseconds = 0;
  };
  struct Snapshot {
    uint64_t requests = 0;    ///< accepted by submit()
    uint64_t rows = 0;        ///< rows of requests that ran
    uint64_t executions = 0;  ///< model runs
    Duration success, fail, queue, compute;
    uint64_t cancelled = 0;  ///< dropped when a batch was formed
    uint64_t expired = 0;
    uint64_t refused_full = 0;      ///< kQueueFull
    uint64_t refused_deadline = 0;  ///< hopeless at submit
    uint64_t isolated = 0;          ///< requests run again alone because their batch failed
    uint64_t ran_inline = 0;
    uint64_t copied_in_bytes = 0;
    uint64_t copied_out_bytes = 0;
    uint64_t delayed = 0;                        ///< moved back by the queue timeout
    uint64_t padded_rows = 0;                    ///< rows that were run to fill batches up to a size
    std::map<int64_t, Duration> batches;         ///< by executed row count, padding included
    std::array<uint64_t, kBatchCuts> cuts = {};  ///< batches formed, by BatchCut
  };

  void accepted() noexcept;
  void refused(Code code) noexcept;
  void dropped(Code code) noexcept;
  void isolated(uint64_t requests) noexcept;
  void ran_inline() noexcept;
  void delayed(uint64_t requests) noexcept;
  void formed(BatchCut cut) noexcept;
  /// `padding` of the `rows` belonged to nobody.
  void executed(int64_t rows, int64_t padding, Nanoseconds elapsed) noexcept;
  /// Success or failure of one request, from its status and timings.
  void finished(const Request& request) noexcept;
  /// Payload copies made after the model ran (encoding), counted by the sink.
  void copied_out(uint64_t bytes) noexcept;
  Snapshot snapshot() const;

 private:
  mutable std::mutex mutex_;
  Snapshot totals_;
};

}  // namespace ortserve
