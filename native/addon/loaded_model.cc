// SPDX-License-Identifier: Apache-2.0
#include "addon/loaded_model.h"

#include <utility>

namespace ortserve {

namespace {

Status closed(const ModelSpec& spec) {
  return {Code::kModelClosed, "the model '" + spec.name + "' is closed"};
}

// Spread over all bits, as the keys it is mixed with are.
CacheKey load_key(uint32_t id) {
  return {id * 0x9e3779b97f4a7c15ull, id * 0xc2b2ae3d27d4eb4full};
}

CacheStats stats_of(const CachedBatcher& entrance) {
  const SharedCounters& shared = entrance.shared_counters();
  return {entrance.stats(),
          entrance.bypasses(),
          {.hits = shared.hits,
           .misses = shared.misses,
           .timeouts = shared.timeouts,
           .errors = shared.errors,
           .skipped = shared.skipped,
           .stored = shared.stored,
           .dropped = shared.dropped}};
}

}  // namespace

LoadedModel::LoadedModel(uint32_t id, std::shared_ptr<WorkerPool> workers, BufferPool& pool,
                         std::shared_ptr<SharedSession> session, std::shared_ptr<Runner> runner, ModelSpec spec,
                         int intra_op_threads, const BatcherOptions& options, const CacheAccess& cache)
    : id_(id),
      pool_(pool),
      workers_(std::move(workers)),
      spec_(std::move(spec)),
      providers_(session->session->providers()),
      intra_op_threads_(intra_op_threads),
      options_(options),
      cost_curve_(session->curve.points()),
      shared_digest_(cache.shared ? std::optional(cache.digest) : std::nullopt),
      cached_(cache.options.enabled),
      session_(std::move(session)),
      batcher_(std::make_shared<Batcher>(*workers_, session_->session->batch_pool(), std::move(runner), spec_,
                                         session_->curve, options)),
      // Every load has its own id, so that no result of another version can ever be found.
      entrance_(std::make_shared<CachedBatcher>(CachedBatcher::Parts{.batcher = batcher_,
                                                                     .workers = *workers_,
                                                                     .cache = cache.cache,
                                                                     .keys = cache.keys,
                                                                     .load = load_key(id),
                                                                     .shared = cache.shared,
                                                                     .digest = cache.digest},
                                                cache.options)) {
  max_batch_rows_ = batcher_->max_batch_rows();
  has_own_pool_ = &session_->session->batch_pool() != &pool_;
}

LoadedModel::~LoadedModel() {
  if (!batcher_) return;
  // Nobody closed it, and perhaps this is the JavaScript thread: the release belongs on a worker.
  entrance_->forget();
  workers_->post(
      [batcher = std::move(batcher_), entrance = std::move(entrance_), session = std::move(session_)]() mutable {
        entrance.reset();
        batcher.reset();
        session.reset();
      });
}

bool LoadedModel::is_open() const {
  const std::lock_guard lock(mutex_);
  return state_ == State::kOpen;
}

std::shared_ptr<Batcher> LoadedModel::batcher() const {
  const std::lock_guard lock(mutex_);
  return batcher_;
}

std::shared_ptr<CachedBatcher> LoadedModel::entrance() const {
  const std::lock_guard lock(mutex_);
  return entrance_;
}

CacheStats LoadedModel::cache_stats() const {
  const auto entrance = this->entrance();
  if (entrance) return stats_of(*entrance);
  const std::lock_guard lock(mutex_);
  return last_cache_stats_;
}

void LoadedModel::flush_cache(bool everywhere) {
  const auto entrance = this->entrance();
  if (!entrance) return;
  if (everywhere) {
    entrance->flush();
  } else {
    entrance->forget();
  }
}

std::shared_ptr<BufferPool> LoadedModel::input_pool() const {
  if (!has_own_pool_) return {std::shared_ptr<void>(), &pool_};
  const std::lock_guard lock(mutex_);
  if (!session_) return {std::shared_ptr<void>(), &pool_};
  return {session_, &session_->session->batch_pool()};
}

ModelStats::Snapshot LoadedModel::stats() const {
  const auto queue = batcher();
  if (queue) return queue->stats();
  const std::lock_guard lock(mutex_);
  return last_stats_;
}

int64_t LoadedModel::queued_rows() const {
  const auto queue = batcher();
  return queue ? queue->queued_rows() : 0;
}

Nanoseconds LoadedModel::backlog() const {
  const auto queue = batcher();
  return queue ? queue->backlog() : Nanoseconds{0};
}

Status LoadedModel::submit(std::unique_ptr<Request>& request, TurnBatch* turn) {
  const auto entrance = this->entrance();
  return entrance ? entrance->submit(request, turn) : closed(spec_);
}

bool LoadedModel::answer_again(const CachedResult& result, TimePoint received) {
  const auto entrance = this->entrance();
  return entrance && entrance->answer_again(result, received);
}

void LoadedModel::copied_out(uint64_t bytes) {
  if (const auto queue = batcher()) queue->copied_out(bytes);
}

bool LoadedModel::begin_decode() {
  const std::lock_guard lock(mutex_);
  if (state_ != State::kOpen) return false;
  ++decoding_;
  return true;
}

void LoadedModel::end_decode() {
  {
    const std::lock_guard lock(mutex_);
    if (--decoding_ > 0 || state_ != State::kClosing) return;
  }
  drain();
}

void LoadedModel::close(std::function<void()> on_released) {
  State before;
  {
    const std::lock_guard lock(mutex_);
    before = state_;
    if (before != State::kReleased) on_released_.push_back(std::move(on_released));
    if (before == State::kOpen) state_ = State::kClosing;
    if (before != State::kReleased && decoding_ > 0) return;  // end_decode() goes on
  }
  if (before == State::kReleased) on_released();
  if (before == State::kOpen) drain();
}

void LoadedModel::drain() {
  if (const auto entrance = this->entrance()) {
    entrance->close([self = shared_from_this()] { self->workers_->post([self] { self->release(); }); });
  }
}

void LoadedModel::release() {
  std::shared_ptr<SharedSession> session;
  std::shared_ptr<Batcher> queue;
  std::shared_ptr<CachedBatcher> entrance;
  std::vector<std::function<void()>> callbacks;
  {
    const std::lock_guard lock(mutex_);
    if (state_ == State::kReleased) return;
    last_stats_ = batcher_->stats();
    entrance_->forget();
    last_cache_stats_ = stats_of(*entrance_);
    state_ = State::kReleased;
    session.swap(session_);
    queue.swap(batcher_);
    entrance.swap(entrance_);
    callbacks.swap(on_released_);
  }
  entrance.reset();
  queue.reset();
  session.reset();
  for (const auto& callback : callbacks) callback();
}

void LoadedModel::abort() noexcept {
  if (const auto queue = batcher()) queue->abort();
}

}  // namespace ortserve
