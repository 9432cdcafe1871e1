// SPDX-License-Identifier: Apache-2.0
// A Batcher behind the prediction cache.
#pragma once

#include <atomic>
#include <memory>

#include "core/batcher.h"
#include "core/cache_key.h"
#include "core/result_cache.h"

namespace ortserve {

struct CacheOptions {
  bool enabled = false;
  uint64_t max_bytes = 0;  ///< of this model's results; 0: only the cache's own bound
  Nanoseconds ttl{0};      ///< 0: until evicted
};

/// Answers from the cache, joins identical requests in flight, and sends the rest to the Batcher. Thread-safe; it must
/// outlive the requests in flight, as the Batcher does.
class CachedBatcher final : public ResultSink {
 public:
  CachedBatcher(std::shared_ptr<Batcher> batcher, ResultCache& cache, const CacheKeyMaker& keys, CacheKey model_digest,
                ResultCache::Owner owner, CacheOptions options);

  /// As Batcher::submit(), with request->cache_use honoured and request->cache_outcome set. A hit is delivered before
  /// the call returns.
  Status submit(std::unique_ptr<Request>& request, TurnBatch* turn = nullptr);

  uint64_t bypasses() const noexcept { return bypasses_.load(std::memory_order_relaxed); }
  ResultCache::Stats stats() const { return cache_.stats(owner_); }
  void flush() { cache_.erase(owner_); }

 private:
  void prepare(Request& leader) noexcept override;
  void deliver(std::unique_ptr<Request> leader) noexcept override;
  void share(const Request& leader, std::unique_ptr<Request> joiner) noexcept;
  void answer(std::unique_ptr<Request> request) noexcept;
  void submit_again(std::unique_ptr<Request> joiner) noexcept;
  Status lead(std::unique_ptr<Request>& request, TurnBatch* turn);

  const std::shared_ptr<Batcher> batcher_;
  ResultCache& cache_;
  const CacheKeyMaker& keys_;
  const CacheKey model_digest_;
  const ResultCache::Owner owner_;
  const CacheOptions options_;
  std::atomic<uint64_t> bypasses_{0};
};

}  // namespace ortserve
