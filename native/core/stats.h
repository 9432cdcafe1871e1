// SPDX-License-Identifier: Apache-2.0
// Counters of one model version, cheap enough to be always on.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>

#include "core/batch_plan.h"
#include "core/request.h"

namespace ortserve {

/// Thread-safe. Times come from the requests' own timings: recording reads no clock, and locks once per batch.
class ModelStats {
 public:
  /// A count and the total time it took, as the Open Inference Protocol's statistics have it.
  struct Duration {
    uint64_t count = 0;
    uint64_t nanoseconds = 0;

    void add(Nanoseconds elapsed) noexcept {
      ++count;
      nanoseconds += static_cast<uint64_t>(std::max<int64_t>(elapsed.count(), 0));
    }
  };
  /// The stages of an execution.
  struct Compute {
    Duration input;   ///< gathering the batch's rows and binding the inputs
    Duration infer;   ///< the model's run
    Duration output;  ///< splitting the rows and encoding the answers
  };
  struct Snapshot {
    uint64_t requests = 0;    ///< accepted by submit()
    uint64_t rows = 0;        ///< rows of requests that ran
    uint64_t executions = 0;  ///< model runs
    Duration success;         ///< from the call until the answer is ready; those that the cache answered are among them
    Duration fail;            ///< of requests that ran, or that joined one that did
    Duration decode;          ///< of requests that ran or were answered from the cache
    Duration queue;           ///< the same; 0 for those that the cache answered at once
    Compute compute;          ///< per request that ran: each counts all of its batch's time
    Duration cache_hit;       ///< answered from the cache, or by an identical request's run; the time is the lookup's
    Duration cache_miss;      ///< the time is the lookup's and the insertion's
    uint64_t cancelled = 0;   ///< dropped when a batch was formed
    uint64_t expired = 0;
    uint64_t refused_full = 0;      ///< kQueueFull
    uint64_t refused_deadline = 0;  ///< hopeless at submit
    uint64_t isolated = 0;          ///< requests run again alone because their batch failed
    uint64_t ran_inline = 0;
    uint64_t copied_in_bytes = 0;
    uint64_t copied_out_bytes = 0;
    uint64_t delayed = 0;                        ///< moved back by the queue timeout
    uint64_t padded_rows = 0;                    ///< rows that were run to fill batches up to a size
    std::map<int64_t, Compute> batches;          ///< per execution, by row count, padding included
    std::array<uint64_t, kBatchCuts> cuts = {};  ///< batches formed, by BatchCut
    TimePoint last_received{};                   ///< of the requests that got as far as the queue or the cache
  };

  /// One execution, and how its batch came about.
  struct BatchRecord {
    int64_t rows = 0;  ///< executed, padding included
    int64_t padding = 0;
    std::optional<BatchCut> cut = {};  ///< none: nothing was cut from a queue for it
    bool on_calling_thread = false;
    bool isolated = false;  ///< its batch had failed, and this request was run again alone
  };

  void refused(const Request& request, Code code) noexcept;
  /// A request that left the queue without having run.
  void dropped(const Request& request) noexcept;
  void delayed(uint64_t requests) noexcept;
  /// `batch` was executed once and its answers are ready; each request's timings and status tell how it went.
  void finished(std::span<const std::unique_ptr<Request>> batch, const BatchRecord& record) noexcept;
  /// The answer of a request that did not run itself is ready.
  void answered_by_cache(const Request& request) noexcept;
  /// The same of a successful request for which none was made; `lookup`: its time in the cache.
  void answered_by_cache(const Timings& at, Nanoseconds lookup) noexcept;
  void cache_missed(std::span<const std::unique_ptr<Request>> requests) noexcept;
  /// Payload copies made after the answer was ready, counted by the sink.
  void copied_out(uint64_t bytes) noexcept;
  Snapshot snapshot() const;

 private:
  void finished_one(const Request& request) noexcept;
  void count_answered(const Timings& at, Nanoseconds lookup, Duration& outcome) noexcept;  // mutex_ held

  mutable std::mutex mutex_;
  Snapshot totals_;
};

}  // namespace ortserve
