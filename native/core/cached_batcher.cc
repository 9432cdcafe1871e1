// SPDX-License-Identifier: Apache-2.0
#include "core/cached_batcher.h"

#include <utility>

#include "core/result_blob.h"
#include "core/thread_role.h"

namespace ortserve {

namespace {

// Larger hits are encoded by a worker: the JavaScript thread has better things to do.
constexpr uint64_t kAnswerHereBytes = 16 << 10;

// A leader that failed for reasons of its own says nothing about those who joined it.
bool failed_for_itself(Code code) noexcept {
  return code == Code::kCancelled || code == Code::kDeadlineExceeded || code == Code::kQueueTimeout ||
         code == Code::kQueueFull;
}

uint64_t bytes_of(const std::vector<Value>& outputs) noexcept {
  uint64_t bytes = 0;
  for (const Value& output : outputs) bytes += output.byte_size();
  return bytes;
}

// For what the batcher has prepared, or what is prepared here.
void hand_over(std::unique_ptr<Request> request) noexcept {
  ResultSink* const sink = request->sink;
  sink->deliver(std::move(request));
}

void refuse(std::unique_ptr<Request> request) noexcept {
  request->sink->prepare(*request);
  hand_over(std::move(request));
}

}  // namespace

CachedBatcher::CachedBatcher(Parts parts, CacheOptions options)
    : parts_(std::move(parts)), options_(options), owner_(parts_.cache.open(options.max_bytes)) {}

Status CachedBatcher::submit(std::unique_ptr<Request>& request, TurnBatch* turn) {
  if (!options_.enabled || request->cache_use == CacheUse::kBypass) {
    if (options_.enabled) {
      request->cache_outcome = CacheOutcome::kBypass;
      bypasses_.fetch_add(1, std::memory_order_relaxed);
    }
    return parts_.batcher->submit(request, turn);
  }
  const TimePoint now = Clock::now();
  if (request->timings.decoded == TimePoint{}) request->timings.decoded = now;
  if (parts_.shared) {
    const CacheKey key = parts_.shared->keys().key_of(parts_.digest, *request);
    request->cache_key = {key.low ^ parts_.load.low, key.high ^ parts_.load.high};
  } else {
    request->cache_key = parts_.keys.key_of(parts_.load, *request);
  }
  Request& kept = *request;  // stays alive on a hit and on a miss
  const CacheOutcome outcome = parts_.cache.enter(*owner_, request, request->cache_use == CacheUse::kRefresh, now);
  if (outcome == CacheOutcome::kJoin) return {};
  kept.cache_outcome = outcome;
  const TimePoint found = Clock::now();
  kept.cache_time += found - now;
  if (outcome == CacheOutcome::kMiss) return lead(request, turn);
  answer_hit(std::move(request), found);
  return {};
}

bool CachedBatcher::answer_again(const CachedResult& result, TimePoint received) {
  if (!parts_.cache.use_again(result, received)) return false;
  const TimePoint answered = Clock::now();
  const Timings at{.received = received, .decoded = received, .answered = answered};  // the lookup was all of it
  parts_.batcher->recorder().answered_by_cache(at, answered - received);
  return true;
}

void CachedBatcher::flush() {
  if (parts_.shared) parts_.shared->flush(parts_.digest);
  forget();
}

void CachedBatcher::answer_hit(std::unique_ptr<Request> request, TimePoint now) {
  Timings& at = request->timings;
  at.queued = at.started = at.bound = at.computed = now;
  if (is_worker_thread() || bytes_of(request->outputs) <= kAnswerHereBytes) {
    answer(std::move(request));
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    ++parked_;
  }
  struct Job {  // answers even when the pool stops first and drops it
    std::shared_ptr<CachedBatcher> self;
    std::unique_ptr<Request> request;
    ~Job() {
      self->answer(std::move(request));
      self->unpark();
    }
  };
  auto job = std::make_shared<Job>();
  job->self = shared_from_this();
  job->request = std::move(request);
  parts_.workers.post([job = std::move(job)]() mutable { job.reset(); });
}

SharedKey CachedBatcher::shared_key(const Request& request) const noexcept {
  const CacheKey& key = request.cache_key;
  return {parts_.digest, {key.low ^ parts_.load.low, key.high ^ parts_.load.high}};
}

Status CachedBatcher::lead(std::unique_ptr<Request>& request, TurnBatch* turn) {
  request->reply_sink = std::exchange(request->sink, this);
  Status status = is_closing() ? closed() : Status();
  if (status.ok()) {
    if (parts_.shared && park(request)) return {};
    status = parts_.batcher->submit(request, turn);
  }
  if (status.ok()) return status;
  // The request stays the caller's; those who joined in between take their own chance.
  request->sink = std::exchange(request->reply_sink, nullptr);
  request->status = status;
  auto joiners = parts_.cache.leave(*owner_, *request, {.shared_fate = false});
  request->status = Status();
  parts_.batcher->recorder().cache_missed({&request, 1});
  for (auto& joiner : joiners) submit_again(std::move(joiner));
  return status;
}

// The batcher closes only after the last request that is parked.
bool CachedBatcher::is_closing() const noexcept {
  return closing_.load(std::memory_order_relaxed);
}

Status CachedBatcher::closed() const {
  return {Code::kModelClosed, "the model '" + parts_.batcher->spec().name + "' is closed"};
}

// Asks the second level for it; true: it comes back through looked_up().
bool CachedBatcher::park(std::unique_ptr<Request>& request) {
  {
    const std::lock_guard lock(mutex_);
    ++parked_;
  }
  const SharedCache::Question question{.key = shared_key(*request),
                                       .run_cost = parts_.batcher->curve().cost(request->rows),
                                       .wants_ttl = options_.ttl.count() > 0};
  if (parts_.shared->ask(request, shared_from_this(), question)) return true;
  ++counters_->skipped;
  unpark();
  return false;
}

void CachedBatcher::unpark() noexcept {
  std::function<void()> on_idle;
  {
    const std::lock_guard lock(mutex_);
    if (--parked_ == 0) on_idle.swap(on_idle_);
  }
  if (on_idle) parts_.batcher->close(std::move(on_idle));
}

void CachedBatcher::close(std::function<void()> on_idle) {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
    if (parked_ > 0) {
      on_idle_ = std::move(on_idle);
      return;
    }
  }
  parts_.batcher->close(std::move(on_idle));
}

void CachedBatcher::count(const SharedLookup& lookup) noexcept {
  using Outcome = SharedLookup::Outcome;
  switch (lookup.outcome) {
    case Outcome::kFound:
    case Outcome::kAbsent:
      ++counters_->misses;  // take_value() makes a hit of it
      break;
    case Outcome::kFailed:
      ++counters_->errors;
      break;
    case Outcome::kLate:
      ++counters_->timeouts;
      break;
    case Outcome::kGivenUp:
      ++counters_->skipped;
      break;
  }
}

bool CachedBatcher::take_value(Request& leader, const SharedLookup& lookup) {
  if (lookup.outcome != SharedLookup::Outcome::kFound || leader.cache_use == CacheUse::kRefresh) {
    count(lookup);
    return false;
  }
  const size_t outputs = leader.wanted.empty() ? parts_.batcher->spec().outputs.size() : leader.wanted.size();
  auto values = decode_result(parts_.shared->keys(), shared_key(leader), lookup.value, outputs);
  if (!values) {
    ++counters_->errors;
    return false;
  }
  ++counters_->hits;
  leader.outputs = std::move(*values);
  leader.cache_outcome = CacheOutcome::kHit;
  return true;
}

void CachedBatcher::looked_up(std::unique_ptr<Request> leader, const SharedLookup& lookup) noexcept {
  const TimePoint now = Clock::now();
  if (take_value(*leader, lookup)) {
    Timings& at = leader->timings;
    at.queued = at.started = at.bound = at.computed = now;
    leave(*leader, now, lookup.ttl.count() > 0 ? now + lookup.ttl : TimePoint::max());
    leader->cache_time += Clock::now() - now;
    answer(std::move(leader));
  } else {
    leader->shared_generation = lookup.generation;  // 0 unless the lookup was answered
    if (Status status = parts_.batcher->submit(leader); !status.ok()) {
      leader->status = std::move(status);
      prepare(*leader);
      finish({&leader, 1}, now, TimePoint::max());
    }
  }
  unpark();
}

// The leader's answer is encoded while it still counts as one of its batch.
void CachedBatcher::prepare(Request& leader) noexcept {
  leader.reply_sink->prepare(leader);
}

void CachedBatcher::deliver_all(std::span<std::unique_ptr<Request>> leaders) noexcept {
  const TimePoint now = Clock::now();
  const TimePoint expires = options_.ttl.count() > 0 ? now + options_.ttl : TimePoint::max();
  if (!parts_.shared) return finish(leaders, now, expires);
  const auto self = shared_from_this();  // the last leader may be the last to hold the model
  for (auto& leader : leaders) finish_and_store(std::move(leader), now, expires);
}

void CachedBatcher::finish_and_store(std::unique_ptr<Request> leader, TimePoint now, TimePoint expires) noexcept {
  if (leader->shared_generation == 0 || !leader->status.ok()) return finish({&leader, 1}, now, expires);
  const SharedKey key = shared_key(*leader);
  const uint64_t generation = leader->shared_generation;
  const std::vector<Value> outputs = leader->outputs;
  finish({&leader, 1}, now, expires);
  store(key, generation, outputs);
}

// Ends the flight: the result is stored, those who joined it get theirs, and the leader gets its own sink back.
void CachedBatcher::leave(Request& leader, TimePoint now, TimePoint expires) noexcept {
  const bool shared_fate = !failed_for_itself(leader.status.code());
  auto joiners = parts_.cache.leave(*owner_, leader, {.now = now, .expires = expires, .shared_fate = shared_fate});
  for (auto& joiner : joiners) {
    if (shared_fate) {
      share(leader, std::move(joiner));
    } else {
      submit_again(std::move(joiner));
    }
  }
  leader.sink = std::exchange(leader.reply_sink, nullptr);
}

// Counted before the answers leave, each with its share of the time.
void CachedBatcher::finish(std::span<std::unique_ptr<Request>> leaders, TimePoint now, TimePoint expires) noexcept {
  for (const auto& leader : leaders) leave(*leader, now, expires);
  const Nanoseconds share = (Clock::now() - now) / static_cast<int64_t>(leaders.size());
  for (const auto& leader : leaders) leader->cache_time += share;
  parts_.batcher->recorder().cache_missed(leaders);
  deliver_to_sinks(leaders);
}

void CachedBatcher::store(const SharedKey& key, uint64_t generation, std::span<const Value> outputs) noexcept {
  SharedCache& shared = *parts_.shared;
  auto blob = encode_result(shared.keys(), key, outputs, shared.options().max_value_bytes);
  if (blob) {
    shared.store(key, std::move(*blob), generation, options_.ttl, counters_);
  } else {
    ++counters_->dropped;
  }
}

void CachedBatcher::share(const Request& leader, std::unique_ptr<Request> joiner) noexcept {
  joiner->cache_outcome = CacheOutcome::kJoin;
  joiner->status = leader.status;
  joiner->outputs = leader.outputs;
  joiner->batch_rows = leader.batch_rows;
  // It has waited for the leader's result as others wait for a free runner.
  const Timings& led = leader.timings;
  Timings& at = joiner->timings;
  at.queued = at.decoded;
  at.started = at.bound = at.computed = led.answered == TimePoint{} ? Clock::now() : led.answered;
  answer(std::move(joiner));
}

void CachedBatcher::answer(std::unique_ptr<Request> request) noexcept {
  request->inputs.clear();
  request->sink->prepare(*request);
  request->timings.answered = Clock::now();
  parts_.batcher->recorder().answered_by_cache(*request);
  hand_over(std::move(request));
}

void CachedBatcher::submit_again(std::unique_ptr<Request> joiner) noexcept {
  if (Status status = submit(joiner); !status.ok()) {
    joiner->status = std::move(status);
    refuse(std::move(joiner));
  }
}

}  // namespace ortserve
