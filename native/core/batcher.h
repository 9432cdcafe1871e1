// SPDX-License-Identifier: Apache-2.0
// One model version's queue: admission, batch forming, running, splitting, fault isolation.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "core/axis_buckets.h"
#include "core/batch_plan.h"
#include "core/batch_tuner.h"
#include "core/cost_curve.h"
#include "core/delivery_order.h"
#include "core/model_spec.h"
#include "core/request_queue.h"
#include "core/runner.h"
#include "core/stats.h"
#include "core/traffic_samples.h"
#include "core/turn_batch.h"
#include "core/worker_pool.h"

namespace ortserve {

struct BatcherOptions {
  int instances = 1;                 ///< runs in flight at once, at most
  int weight = 1;                    ///< cores per run (intra-op threads)
  int64_t max_batch_rows = 0;        ///< 0: from the cost curve; 1: no batching
  Nanoseconds max_delay{0};          ///< how long the oldest request may wait for company
  bool tune_delay = false;           ///< find the delay, and how much company to wait for, from the traffic
  Nanoseconds latency_objective{0};  ///< caps a batch's run time at half of it; 0: none
  /// Batch sizes worth running before max_delay is over; see BatchPolicy. Any order.
  std::vector<int64_t> preferred_rows = {};
  /// Batches of a batched model are filled up to the next of these sizes by repeating their first row, which its
  /// callers never see. Caps a batch at the largest; a single request beyond that runs as it is. Empty: no padding. Any
  /// order.
  std::vector<int64_t> pad_to = {};
  /// Dynamic dims whose sizes are rounded up, so that requests of different sizes share a batch.
  AxisBuckets buckets = {};
  /// Answers leave in the order in which requests were accepted: an early one waits for those before it.
  bool preserve_order = false;
  QueuePolicy queue = {};
  /// Run on the calling thread when the request costs less than this, nothing is queued and an instance is free; 0:
  /// never. Never applies to models with dynamic dims besides the batch, whose cost one measurement cannot tell.
  Nanoseconds inline_ceiling{10'000};
  /// Is offered what ran well; null: nothing is sampled.
  std::shared_ptr<TrafficSamples> samples = {};
};

/// All members are thread-safe. Hold it by shared_ptr: workers keep it alive while they serve it.
class Batcher final : public WorkSource, public std::enable_shared_from_this<Batcher> {
 public:
  using Batch = TurnBatch::Batch;

  Batcher(WorkerPool& workers, BufferPool& pool, std::shared_ptr<Runner> runner, ModelSpec spec, CostCurve curve,
          BatcherOptions options);
  ~Batcher() override;

  /// Takes the request over and answers through request->sink exactly once. On failure (kQueueFull, kModelClosed,
  /// kQueueTimeout, kDeadlineExceeded, and with buckets kInvalidInput, kOutOfMemory) the request stays the caller's,
  /// its sink is not called, and `request` is not null. The request's inputs must already fit spec(). May run the model
  /// before returning (see inline_ceiling), or add the request to `turn`, when that is given, to run it a little later
  /// in company.
  Status submit(std::unique_ptr<Request>& request, TurnBatch* turn = nullptr);
  /// For TurnBatch: ends requests that submit() has added to one, on the calling thread, by running them together,
  /// or as they are, with the status they have. All of `batch` is taken.
  void run_turn(Batch& batch) noexcept;
  void drop_turn(Batch& batch) noexcept { deliver_dropped(batch); }

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
  ModelStats::Snapshot stats() const;
  /// For what is in front of it: what the cache answered.
  ModelStats& recorder() noexcept { return stats_; }
  /// For sinks: payload bytes copied while a delivered request was encoded.
  void copied_out(uint64_t bytes) noexcept { stats_.copied_out(bytes); }
  int64_t queued_rows() const;
  /// How long it will take until a request that comes now is taken from the queue; 0: no full batches wait, or what
  /// they cost is not known.
  Nanoseconds backlog() const;

  bool work(TimePoint now) noexcept override;
  int weight() const noexcept override { return options_.weight; }

 private:
  // These expect mutex_ to be held.
  Status admit(const Request& request, TimePoint now);
  Status in_time(const Request& request, TimePoint now);
  Nanoseconds wait_behind(int64_t rows) const;
  bool may_run_inline(const Request& request) const;
  void take_dead(Batch& batch, Batch& dropped, TimePoint now) const;
  bool wants_worker(TimePoint now);
  void follow_curve();
  void cap_batches();
  void begin_run(int64_t rows);
  void end_run(const Batch& batch);
  void take_batch(TimePoint now, Batch& batch, Batch& dropped);

  void run_here(std::unique_ptr<Request> request) noexcept;
  bool more_work();
  /// How a batch was run: in one execution, or after a failure in several, of so many requests each.
  struct Executed {
    ModelStats::BatchRecord record;
    std::vector<size_t> parts = {};  ///< empty: in one
  };
  Executed run_batch(Batch& batch, ModelStats::BatchRecord record) noexcept;
  void run_halves(std::span<std::unique_ptr<Request>> batch, std::vector<size_t>& parts) noexcept;
  void run_each(std::span<std::unique_ptr<Request>> batch, std::vector<size_t>& parts) noexcept;
  void shrink_batches(int64_t rows) noexcept;
  Status run_together(std::span<const std::unique_ptr<Request>> batch, const std::atomic<bool>* terminate);
  void run_in_place(const std::unique_ptr<Request>& request, const std::atomic<bool>* terminate);
  static void note_run(std::span<const std::unique_ptr<Request>> batch, TimePoint started, RunTimes times) noexcept;
  void run_alone(const std::unique_ptr<Request>& request) noexcept;
  int64_t rows_to_run(int64_t rows) const noexcept;
  Nanoseconds cost(int64_t rows) const noexcept { return curve_.cost(rows_to_run(rows)); }
  bool may_outlast_its_caller(const Request& request) const;
  int64_t rows_below_ceiling() const noexcept;
  void finish_run(Batch& batch, const Executed& executed) noexcept;
  void prepare(Batch& batch) const noexcept;
  void count(const Batch& batch, const Executed& executed) noexcept;
  void deliver(Batch& batch) noexcept;
  void deliver_dropped(Batch& dropped) noexcept;
  void hand_over(Batch& batch) noexcept;

  WorkerPool& workers_;
  BufferPool& pool_;
  const std::shared_ptr<Runner> runner_;
  const ModelSpec spec_;
  const std::vector<uint16_t> all_outputs_;
  const BatcherOptions options_;
  const bool has_dynamic_rows_;  // dims besides the batch vary: one measurement cannot tell what a run costs
  CostCurve curve_;
  std::atomic<int64_t> inline_rows_;  // up to so many are cheap enough to run on the calling thread
  ModelStats stats_;
  DeliveryOrder order_;  // with options_.preserve_order

  mutable std::mutex mutex_;  // guards everything below
  RequestQueue queue_;
  std::vector<QueuedEntry> view_;  // scratch of take_batch()
  BatchPlan plan_;                 // scratch of take_batch()
  BatchPolicy policy_;
  int64_t fitting_rows_ = INT64_MAX;  // a batch of more has run out of memory lately
  int64_t runs_until_policy_ = 0;     // the policy follows the curve as it is corrected
  int running_ = 0;                   // runs in flight, inline ones included
  int64_t running_rows_ = 0;
  Crowd crowd_;
  BatchTuner tuner_;      // these four with options_.tune_delay
  TrafficWindow window_;  // since window_start_
  TimePoint window_start_{};
  int window_runs_ = 0;
  bool announced_ = false;              // an announcement has not reached work() yet
  TimePoint timer_ = TimePoint::max();  // the earliest timer set and not yet due
  int64_t outstanding_ = 0;             // accepted and not yet delivered
  uint64_t accepted_ = 0;
  uint64_t hopeless_ = 0;  // that nobody was ahead of
  bool closed_ = false;
  bool aborted_ = false;
  std::function<void()> on_idle_;
};

}  // namespace ortserve
