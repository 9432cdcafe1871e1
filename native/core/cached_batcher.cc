// SPDX-License-Identifier: Apache-2.0
#include "core/cached_batcher.h"

#include <utility>

namespace ortserve {

namespace {

// A leader that failed for reasons of its own says nothing about those who joined it.
bool failed_for_itself(Code code) noexcept {
  return code == Code::kCancelled || code == Code::kDeadlineExceeded || code == Code::kQueueFull;
}

}  // namespace

CachedBatcher::CachedBatcher(std::shared_ptr<Batcher> batcher, ResultCache& cache, const CacheKeyMaker& keys,
                             CacheKey model_digest, ResultCache::Owner owner, CacheOptions options)
    : batcher_(std::move(batcher)),
      cache_(cache),
      keys_(keys),
      model_digest_(model_digest),
      owner_(owner),
      options_(options) {}

Status CachedBatcher::submit(std::unique_ptr<Request>& request) {
  if (!options_.enabled || request->cache_use == CacheUse::kBypass) {
    if (options_.enabled) {
      request->cache_outcome = CacheOutcome::kBypass;
      bypasses_.fetch_add(1, std::memory_order_relaxed);
    }
    return batcher_->submit(request);
  }
  request->cache_key = keys_.key_of(model_digest_, *request);
  const TimePoint now = Clock::now();
  Request& kept = *request;  // stays alive on a hit and on a miss
  const CacheOutcome outcome = cache_.enter(owner_, request, request->cache_use == CacheUse::kRefresh, now);
  if (outcome == CacheOutcome::kJoin) return {};
  kept.cache_outcome = outcome;
  if (outcome == CacheOutcome::kMiss) return lead(request);
  kept.inputs.clear();
  kept.timings.queued = kept.timings.started = kept.timings.computed = now;
  ResultSink* const sink = kept.sink;
  sink->deliver(std::move(request));
  return {};
}

Status CachedBatcher::lead(std::unique_ptr<Request>& request) {
  request->reply_sink = std::exchange(request->sink, this);
  Status status = batcher_->submit(request);
  if (status.ok()) return status;
  // The request stays the caller's; those who joined in between take their own chance.
  request->sink = std::exchange(request->reply_sink, nullptr);
  request->status = status;
  auto joiners = cache_.leave(owner_, *request, 0, {});
  request->status = Status();
  for (auto& joiner : joiners) submit_again(std::move(joiner));
  return status;
}

void CachedBatcher::deliver(std::unique_ptr<Request> leader) noexcept {
  const TimePoint expires = options_.ttl.count() > 0 ? Clock::now() + options_.ttl : TimePoint::max();
  auto joiners = cache_.leave(owner_, *leader, options_.max_bytes, expires);
  const bool shared_fate = !failed_for_itself(leader->status.code());
  for (auto& joiner : joiners) {
    if (shared_fate) {
      answer(std::move(joiner), *leader);
    } else {
      submit_again(std::move(joiner));
    }
  }
  leader->sink = std::exchange(leader->reply_sink, nullptr);
  ResultSink* const sink = leader->sink;
  sink->deliver(std::move(leader));
}

void CachedBatcher::answer(std::unique_ptr<Request> joiner, const Request& leader) noexcept {
  joiner->cache_outcome = CacheOutcome::kJoin;
  joiner->status = leader.status;
  joiner->outputs = leader.outputs;
  joiner->batch_rows = leader.batch_rows;
  joiner->timings.queued = leader.timings.queued;
  joiner->timings.started = leader.timings.started;
  joiner->timings.computed = leader.timings.computed;
  joiner->inputs.clear();
  ResultSink* const sink = joiner->sink;
  sink->deliver(std::move(joiner));
}

void CachedBatcher::submit_again(std::unique_ptr<Request> joiner) noexcept {
  if (Status status = submit(joiner); !status.ok()) {
    joiner->status = std::move(status);
    ResultSink* const sink = joiner->sink;
    sink->deliver(std::move(joiner));
  }
}

}  // namespace ortserve
