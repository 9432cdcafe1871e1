// SPDX-License-Identifier: Apache-2.0
// One model version's queue: admission, batch forming, running, splitting, fault isolation.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "core/batch_plan.h"
#include "core/cost_curve.h"
#include "core/model_spec.h"
#include "core/runner.h"
#include "core/stats.h"
#include "core/worker_pool.h"

namespace ortserve {

struct BatcherOptions {
  int instances = 1;                      ///< runs in flight at once, at most
  int weight = 1;                         ///< cores per run (intra-op threads)
  int64_t max_batch_rows = 0;             ///< 0: from the cost curve; 1: no batching
  Nanoseconds max_delay{0};               ///< how long the oldest request may wait for company
  Nanoseconds latency_objective{0};       ///< caps a batch's run time at half of it; 0: none
  int64_t max_queue_rows = 4096;          ///< admission bound; beyond it kQueueFull
  uint64_t max_queue_bytes = 1ull << 30;  ///< admission bound on input bytes
  /// Run on the calling thread when the request costs less than this and nothing is queued or running; 0: never. Never
  /// applies to models with dynamic dims besides the batch, whose cost one measurement cannot tell.
  Nanoseconds inline_ceiling{10'000};
};

/// All members are thread-safe. Hold it by shared_ptr: workers keep it alive while they serve it.
class Batcher final : public WorkSource, public std::enable_shared_from_this<Batcher> {
 public:
  Batcher(WorkerPool& workers, BufferPool& pool, std::shared_ptr<Runner> runner, ModelSpec spec, CostCurve curve,
          BatcherOptions options);
  ~Batcher() override;

  /// Takes the request over and answers through request->sink exactly once. On failure (kQueueFull, kModelClosed,
  /// kDeadlineExceeded) the request stays the caller's, its sink is not called, and `request` is not null.
  /// The request's inputs must already fit spec(). May run the model before returning (see inline_ceiling).
  Status submit(std::unique_ptr<Request>& request);

  /// Refuses new requests at once; `on_idle` runs exactly once, on some thread, when the last accepted one was
  /// delivered. Queued requests still run. May run `on_idle` before returning. Call it once.
  void close(std::function<void()> on_idle);
  /// For shutdown: refuses new requests, fails the queued ones with kModelClosed and stops the runs in flight.
  void abort() noexcept;

  const ModelSpec& spec() const noexcept { return spec_; }
  const BatcherOptions& options() const noexcept { return options_; }
  const CostCurve& curve() const noexcept { return curve_; }
  /// The row cap in force, from the options or the cost curve.
  int64_t max_batch_rows() const;
  ModelStats::Snapshot stats() const { return stats_.snapshot(); }
  /// For sinks: payload bytes copied while a delivered request was encoded.
  void copied_out(uint64_t bytes) noexcept { stats_.copied_out(bytes); }
  int64_t queued_rows() const;

  bool work(TimePoint now) noexcept override;
  int weight() const noexcept override { return options_.weight; }

 private:
  using Batch = std::vector<std::unique_ptr<Request>>;

  // These four expect mutex_ to be held.
  Status admit(const Request& request, TimePoint now) const;
  bool may_run_inline(const Request& request) const;
  bool wants_worker(TimePoint now);
  void take_batch(TimePoint now, Batch& batch, Batch& dropped);

  void run_batch(Batch& batch) noexcept;
  Status run_together(Batch& batch, int64_t rows, TimePoint started);
  void run_alone(Request& request) noexcept;
  bool may_outlast_its_caller(const Request& request) const;
  void finish_run(Batch& batch) noexcept;
  void deliver(Batch& batch) noexcept;
  void deliver_dropped(Batch& dropped, TimePoint now) noexcept;

  WorkerPool& workers_;
  BufferPool& pool_;
  const std::shared_ptr<Runner> runner_;
  const ModelSpec spec_;
  const std::vector<uint16_t> all_outputs_;
  const BatcherOptions options_;
  const bool has_dynamic_rows_;  // dims besides the batch vary: one measurement cannot tell what a run costs
  const bool inline_allowed_;
  CostCurve curve_;
  ModelStats stats_;

  mutable std::mutex mutex_;  // guards everything below
  std::deque<std::unique_ptr<Request>> queue_;
  std::vector<QueuedEntry> view_;  // scratch of take_batch()
  BatchPlan plan_;                 // scratch of take_batch()
  BatchPolicy policy_;
  int64_t runs_until_policy_ = 0;  // the policy follows the curve as it is corrected
  int64_t queue_rows_ = 0;
  uint64_t queue_bytes_ = 0;
  int running_ = 0;                     // runs in flight, inline ones included
  bool announced_ = false;              // an announcement has not reached work() yet
  TimePoint timer_ = TimePoint::max();  // the earliest timer set and not yet due
  int64_t outstanding_ = 0;             // accepted and not yet delivered
  bool closed_ = false;
  bool aborted_ = false;
  std::function<void()> on_idle_;
};

}  // namespace ortserve
