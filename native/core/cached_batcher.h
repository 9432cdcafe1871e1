// SPDX-License-Identifier: Apache-2.0
// A Batcher behind the prediction cache.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "core/batcher.h"
#include "core/cache_key.h"
#include "core/result_cache.h"
#include "core/shared_cache.h"

namespace ortserve {

struct CacheOptions {
  bool enabled = false;
  uint64_t max_bytes = 0;    ///< of this model's results; 0: only the cache's own bound
  Nanoseconds ttl{0};        ///< 0: until evicted
  bool shared = false;       ///< use the second level where there is one
  std::string variant = {};  ///< what changes the results besides the session: shared results are of one variant
};

/// Answers from the cache, joins identical requests in flight, asks the second level, and sends the rest to the
/// Batcher. Thread-safe; hold it by shared_ptr. It must outlive the requests in flight, as the Batcher does.
class CachedBatcher final : public ResultSink,
                            public SharedCache::Client,
                            public std::enable_shared_from_this<CachedBatcher> {
 public:
  /// What it works with. All but `shared` outlive it.
  struct Parts {
    std::shared_ptr<Batcher> batcher;
    WorkerPool& workers;
    ResultCache& cache;
    const CacheKeyMaker& keys;
    CacheKey load;                        ///< of this load of the model alone, so that no other's results are found
    std::shared_ptr<SharedCache> shared;  ///< may be null
    CacheKey digest;                      ///< with `shared`: of the model's content, the same on every server
  };

  CachedBatcher(Parts parts, CacheOptions options);

  /// As Batcher::submit(), with request->cache_use honoured and request->cache_outcome set. A hit is delivered before
  /// the call returns, unless it is so large that a worker encodes it.
  Status submit(std::unique_ptr<Request>& request, TurnBatch* turn = nullptr);
  /// A request that came at `received` asks what `result` of the cache has answered before. True: it is there still,
  /// and the request is counted as one that it has answered.
  bool answer_again(const CachedResult& result, TimePoint received);
  /// As Batcher::close(); waits for lookups in flight, too.
  void close(std::function<void()> on_idle);

  uint64_t bypasses() const noexcept { return bypasses_.load(std::memory_order_relaxed); }
  ResultCache::Stats stats() const { return parts_.cache.stats(*owner_); }
  const SharedCounters& shared_counters() const noexcept { return *counters_; }
  /// Forgets the results of this process, those of runs in flight included.
  void forget() { parts_.cache.erase(*owner_); }
  /// Forgets them on both levels.
  void flush();

 private:
  void prepare(Request& leader) noexcept override;
  void deliver(std::unique_ptr<Request> leader) noexcept override { deliver_all({&leader, 1}); }
  void deliver_all(std::span<std::unique_ptr<Request>> leaders) noexcept override;
  void looked_up(std::unique_ptr<Request> leader, const SharedLookup& lookup) noexcept override;

  void answer_hit(std::unique_ptr<Request> request, TimePoint now);
  Status lead(std::unique_ptr<Request>& request, TurnBatch* turn);
  bool is_closing() const noexcept;
  Status closed() const;
  bool park(std::unique_ptr<Request>& request);
  void unpark() noexcept;
  bool take_value(Request& leader, const SharedLookup& lookup);
  void count(const SharedLookup& lookup) noexcept;
  void leave(Request& leader, TimePoint now, TimePoint expires) noexcept;
  void finish(std::span<std::unique_ptr<Request>> leaders, TimePoint now, TimePoint expires) noexcept;
  void finish_and_store(std::unique_ptr<Request> leader, TimePoint now, TimePoint expires) noexcept;
  void store(const SharedKey& key, uint64_t generation, std::span<const Value> outputs) noexcept;
  void share(const Request& leader, std::unique_ptr<Request> joiner) noexcept;
  void answer(std::unique_ptr<Request> request) noexcept;
  void submit_again(std::unique_ptr<Request> joiner) noexcept;
  SharedKey shared_key(const Request& request) const noexcept;

  const Parts parts_;
  const CacheOptions options_;
  const std::unique_ptr<ResultCache::Owner> owner_;
  const std::shared_ptr<SharedCounters> counters_ = std::make_shared<SharedCounters>();
  std::atomic<uint64_t> bypasses_{0};
  std::atomic<bool> closing_{false};  // set under mutex_

  std::mutex mutex_;    // guards everything below
  int64_t parked_ = 0;  // requests on their way that are not in the batcher: lookups, and hits that a worker encodes
  std::function<void()> on_idle_;
};

}  // namespace ortserve
