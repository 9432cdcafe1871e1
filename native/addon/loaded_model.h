// SPDX-License-Identifier: Apache-2.0
// One load of a model: its queue, and its share of a session.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/batcher.h"
#include "core/cached_batcher.h"
#include "core/transform/output_plan.h"
#include "engine/engine.h"

namespace ortserve {

/// What Model.load asks for.
struct ModelLoadOptions {
  SessionConfig session;
  std::string name;
  std::string version;
  std::string revision;  ///< loads that differ in it share no session, though the model file is the same
  std::map<std::string, std::vector<std::string>> features;  ///< column names by input; "": the only one
  std::vector<std::string> labels;                           ///< names of classes, in the order of the scores
  std::map<std::string, InputPlan> preprocess;               ///< by input
  std::map<std::string, OutputPlan> postprocess;             ///< by output
  bool batching = true;                                      ///< false: dim 0 counts no rows
  bool measure = true;                                       ///< false: no cost curve, no example of dynamic dims
  int instances = 0;                                         ///< 0: one per core and intra-op thread
  int64_t max_request_rows = 0;                              ///< 0: no limit
  std::vector<AxisBucketOption> bucket_axes;
  BatcherOptions batcher;  ///< `instances` and `weight` are filled in at load
  CacheOptions cache;
};

/// A session and what was found out about it, shared by every load of the same file and options in the process.
struct SharedSession {
  std::string key;  ///< see session_key()
  std::shared_ptr<Session> session;
  ModelSpec spec;                  ///< batching decided
  CostCurve curve;                 ///< as measured at load
  std::optional<CacheKey> digest;  ///< see result_digest(), once asked for; guarded by the ProcessEngine's mutex
};

/// The process's prediction cache, as far as a model uses it.
struct CacheAccess {
  ResultCache& cache;
  const CacheKeyMaker& keys;
  CacheOptions options;
  std::shared_ptr<SharedCache> shared;  ///< null: the model does not share its results
  CacheKey digest;                      ///< with `shared`
};

/// Results of one model in the cache, and what became of its requests.
struct CacheStats : ResultCache::Stats {
  uint64_t bypasses = 0;
  struct Shared {
    uint64_t hits = 0, misses = 0, timeouts = 0, errors = 0, skipped = 0, stored = 0, dropped = 0;
  } shared;  ///< see SharedCounters
};

/// Thread-safe. Held by JavaScript handles and by the requests in flight. The session is released on a worker thread,
/// when the model was closed and is idle, or when nobody holds the model any more.
class LoadedModel final : public std::enable_shared_from_this<LoadedModel> {
 public:
  /// `runner`: the session's, or what gives `spec.outputs` from it.
  LoadedModel(uint32_t id, std::shared_ptr<WorkerPool> workers, BufferPool& pool,
              std::shared_ptr<SharedSession> session, std::shared_ptr<Runner> runner, ModelSpec spec,
              int intra_op_threads, const BatcherOptions& options, const CacheAccess& cache);
  ~LoadedModel();

  uint32_t id() const noexcept { return id_; }
  /// False once close() was called.
  bool is_open() const;
  /// Valid after close too.
  const ModelSpec& spec() const noexcept { return spec_; }
  const std::vector<ProviderOutcome>& providers() const noexcept { return providers_; }
  const BatcherOptions& options() const noexcept { return options_; }
  int intra_op_threads() const noexcept { return intra_op_threads_; }
  int64_t max_batch_rows() const noexcept { return max_batch_rows_; }
  const std::vector<CostCurve::Point>& cost_curve() const noexcept { return cost_curve_; }
  ModelStats::Snapshot stats() const;
  CacheStats cache_stats() const;
  /// What the second level of the cache knows this model by; nullopt: it is not used.
  const std::optional<CacheKey>& shared_digest() const noexcept { return shared_digest_; }
  int64_t queued_rows() const;
  Nanoseconds backlog() const;
  /// Where the model's inputs should lie; keeps what it needs of the session alive.
  std::shared_ptr<BufferPool> input_pool() const;

  /// Forgets this model's cached results; `everywhere`: those of other servers, too.
  void flush_cache(bool everywhere);

  /// As CachedBatcher::submit; also kModelClosed after the release. What holds this may be the request alone, which may
  /// be gone with it before the call returns.
  Status submit(std::unique_ptr<Request>& request, TurnBatch* turn = nullptr);
  /// Whether the prediction cache is on for it.
  bool is_cached() const noexcept { return cached_; }
  /// As CachedBatcher::answer_again.
  bool answer_again(const CachedResult& result, TimePoint received);
  void copied_out(uint64_t bytes);

  /// A body of this model waits for decoding on a worker: close() lets it finish. False: closed.
  bool begin_decode();
  void end_decode();

  /// Refuses new requests, lets accepted ones finish, releases the session; then `on_released` runs on some thread. May
  /// be called again: every caller is told.
  void close(std::function<void()> on_released);
  /// For shutdown.
  void abort() noexcept;

 private:
  enum class State : uint8_t { kOpen, kClosing, kReleased };

  std::shared_ptr<Batcher> batcher() const;
  std::shared_ptr<CachedBatcher> entrance() const;
  void drain();
  void release();

  const uint32_t id_;
  BufferPool& pool_;
  const std::shared_ptr<WorkerPool> workers_;  // before everything that refers to it
  const ModelSpec spec_;
  const std::vector<ProviderOutcome> providers_;
  const int intra_op_threads_;
  const BatcherOptions options_;
  const std::vector<CostCurve::Point> cost_curve_;
  const std::optional<CacheKey> shared_digest_;
  const bool cached_;
  int64_t max_batch_rows_ = 1;
  bool has_own_pool_ = false;  // its session's device reads other memory best

  mutable std::mutex mutex_;  // guards everything below
  State state_ = State::kOpen;
  int64_t decoding_ = 0;
  std::shared_ptr<SharedSession> session_;
  std::shared_ptr<Batcher> batcher_;
  std::shared_ptr<CachedBatcher> entrance_;  // in front of batcher_
  ModelStats::Snapshot last_stats_;          // once released
  CacheStats last_cache_stats_;
  std::vector<std::function<void()>> on_released_;
};

}  // namespace ortserve
