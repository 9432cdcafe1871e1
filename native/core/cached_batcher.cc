// SPDX-License-Identifier: Apache-2.0
#include "core/cached_batcher.h"

#include <utility>

namespace ortserve {

namespace {

// A leader that failed for reasons of its own says nothing about those who joined it.
bool failed_for_itself(Code code) noexcept {
  return code == Code::kCancelled || code == Code::kDeadlineExceeded || code == Code::kQueueTimeout ||
         code == Code::kQueueFull;
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

Status CachedBatcher::submit(std::unique_ptr<Request>& request, TurnBatch* turn) {
  if (!options_.enabled || request->cache_use == CacheUse::kBypass) {
    if (options_.enabled) {
      request->cache_outcome = CacheOutcome::kBypass;
      bypasses_.fetch_add(1, std::memory_order_relaxed);
    }
    return batcher_->submit(request, turn);
  }
  const TimePoint now = Clock::now();
  if (request->timings.decoded == TimePoint{}) request->timings.decoded = now;
  request->cache_key = keys_.key_of(model_digest_, *request);
  Request& kept = *request;  // stays alive on a hit and on a miss
  const CacheOutcome outcome = cache_.enter(owner_, request, request->cache_use == CacheUse::kRefresh, now);
  if (outcome == CacheOutcome::kJoin) return {};
  kept.cache_outcome = outcome;
  const TimePoint found = Clock::now();
  kept.cache_time += found - now;
  if (outcome == CacheOutcome::kMiss) return lead(request, turn);
  kept.timings.queued = kept.timings.started = kept.timings.bound = kept.timings.computed = found;
  answer(std::move(request));
  return {};
}

Status CachedBatcher::lead(std::unique_ptr<Request>& request, TurnBatch* turn) {
  request->reply_sink = std::exchange(request->sink, this);
  Status status = batcher_->submit(request, turn);
  if (status.ok()) return status;
  // The request stays the caller's; those who joined in between take their own chance.
  request->sink = std::exchange(request->reply_sink, nullptr);
  request->status = status;
  auto joiners = cache_.leave(owner_, *request, 0, {});
  request->status = Status();
  batcher_->recorder().cache_missed(*request);
  for (auto& joiner : joiners) submit_again(std::move(joiner));
  return status;
}

// The leader's answer is encoded while it still counts as one of its batch.
void CachedBatcher::prepare(Request& leader) noexcept {
  leader.reply_sink->prepare(leader);
}

void CachedBatcher::deliver(std::unique_ptr<Request> leader) noexcept {
  const TimePoint now = Clock::now();
  const TimePoint expires = options_.ttl.count() > 0 ? now + options_.ttl : TimePoint::max();
  auto joiners = cache_.leave(owner_, *leader, options_.max_bytes, expires);
  leader->cache_time += Clock::now() - now;
  batcher_->recorder().cache_missed(*leader);
  const bool shared_fate = !failed_for_itself(leader->status.code());
  for (auto& joiner : joiners) {
    if (shared_fate) {
      share(*leader, std::move(joiner));
    } else {
      submit_again(std::move(joiner));
    }
  }
  leader->sink = std::exchange(leader->reply_sink, nullptr);
  ResultSink* const sink = leader->sink;
  sink->deliver(std::move(leader));
}

void CachedBatcher::share(const Request& leader, std::unique_ptr<Request> joiner) noexcept {
  joiner->cache_outcome = CacheOutcome::kJoin;
  joiner->status = leader.status;
  joiner->outputs = leader.outputs;
  joiner->batch_rows = leader.batch_rows;
  // It has waited for the leader's run as others wait for a free runner.
  joiner->timings.queued = joiner->timings.decoded;
  joiner->timings.started = joiner->timings.bound = joiner->timings.computed = leader.timings.answered;
  answer(std::move(joiner));
}

void CachedBatcher::answer(std::unique_ptr<Request> request) noexcept {
  ResultSink* const sink = request->sink;
  request->inputs.clear();
  sink->prepare(*request);
  request->timings.answered = Clock::now();
  batcher_->recorder().answered_by_cache(*request);
  sink->deliver(std::move(request));
}

void CachedBatcher::submit_again(std::unique_ptr<Request> joiner) noexcept {
  if (Status status = submit(joiner); !status.ok()) {
    joiner->status = std::move(status);
    ResultSink* const sink = joiner->sink;
    sink->prepare(*joiner);
    sink->deliver(std::move(joiner));
  }
}

}  // namespace ortserve
