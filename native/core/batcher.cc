// SPDX-License-Identifier: Apache-2.0
#include "core/batcher.h"

#include <algorithm>
#include <utility>

#include "core/batch_split.h"
#include "core/batcher_policy.h"
#include "core/synthetic_inputs.h"

namespace ortserve {

namespace {

constexpr uint64_t kHopelessPerTry = 16;
constexpr int64_t kRunsPerPolicy = 256;  // how often the policy is derived anew
// What the tuner judges by: enough runs for a mean, and long enough that one late thread does not decide.
constexpr int kRunsPerWindow = 16;
constexpr Nanoseconds kShortestWindow = std::chrono::milliseconds(10);

}  // namespace

Batcher::Batcher(WorkerPool& workers, BufferPool& pool, std::shared_ptr<Runner> runner, ModelSpec spec, CostCurve curve,
                 BatcherOptions options)
    : workers_(workers),
      pool_(pool),
      runner_(std::move(runner)),
      spec_(std::move(spec)),
      all_outputs_(ortserve::all_outputs(spec_)),
      options_(in_order(std::move(options))),
      has_dynamic_rows_(has_dynamic_rows(spec_)),
      curve_(std::move(curve)),
      inline_rows_(rows_below_ceiling()),
      queue_(options_.queue),
      policy_(derive_policy(options_, curve_, spec_.batched)),
      runs_until_policy_(kRunsPerPolicy) {}

Batcher::~Batcher() = default;

Status Batcher::submit(std::unique_ptr<Request>& request, TurnBatch* turn) {
  if (!options_.buckets.empty()) ORTSERVE_RETURN_IF_ERROR(options_.buckets.pad(pool_, spec_.batched, *request));
  const TimePoint now = Clock::now();
  std::unique_lock lock(mutex_);
  if (Status status = admit(*request, now); !status.ok()) {
    lock.unlock();
    stats_.refused(*request, status.code());
    return status;
  }
  ++outstanding_;
  request->timings.queued = now;
  if (request->timings.decoded == TimePoint{}) request->timings.decoded = now;
  request->sequence = accepted_++;
  if (may_run_inline(*request)) {
    const int64_t turn_rows = std::min(policy_.max_rows, inline_rows_.load(std::memory_order_relaxed));
    // Without room for company there is nothing to wait for; an answer that keeps to an order may have to wait longer.
    if (turn && 2 * request->rows <= turn_rows && !options_.preserve_order) {
      lock.unlock();
      turn->add(*this, std::move(request), turn_rows);
      return {};
    }
    begin_run(request->rows);
    lock.unlock();
    run_here(std::move(request));
    return {};
  }
  queue_.push(std::move(request));
  window_.peak_rows = std::max(window_.peak_rows, queue_.rows() + running_rows_);
  const bool announce = wants_worker(now);
  lock.unlock();
  if (announce) workers_.announce(shared_from_this());
  return {};
}

Status Batcher::admit(const Request& request, TimePoint now) {
  if (closed_) return {Code::kModelClosed, "the model '" + spec_.name + "' is closed"};
  if (request.deadline <= now) return {Code::kDeadlineExceeded, "the deadline passed before the request was queued"};
  ORTSERVE_RETURN_IF_ERROR(queue_.room_for(request, spec_.name));
  return in_time(request, now);
}

// Refuses what is certain to come too late: it would only cost those behind it their time. With nobody ahead of it,
// that is what would be late at the best of times; and what runs cost is learned from runs, so now and then one may
// try.
Status Batcher::in_time(const Request& request, TimePoint now) {
  const Nanoseconds timeout =
      queue_.policy().on_timeout == OnQueueTimeout::kReject ? queue_.timeout_of(request) : Nanoseconds{0};
  if (request.deadline == kNoDeadline && timeout.count() == 0) return {};
  const bool cheap = request.rows <= inline_rows_.load(std::memory_order_relaxed);
  if (cheap && queue_.empty() && request.deadline - now > options_.inline_ceiling) return {};
  const Nanoseconds wait = wait_behind(queue_.rows_ahead_of(request));
  const auto micros = [](Nanoseconds time) { return std::to_string(time.count() / 1000) + " us"; };
  if (timeout.count() > 0 && wait > timeout) {
    return {Code::kQueueTimeout, "Request timeout expired: the request may wait " + micros(timeout) +
                                     " in the queue, but its run is expected to start in " + micros(wait)};
  }
  const bool at_once = wait.count() == 0;
  const Nanoseconds run = at_once ? curve_.least_cost(rows_to_run(request.rows)) : cost(request.rows);
  if (request.deadline == kNoDeadline || request.deadline - now >= wait + run) return {};
  if (at_once && ++hopeless_ % kHopelessPerTry == 0) return {};
  return {Code::kDeadlineExceeded, "the deadline is in " + micros(request.deadline - now) +
                                       ", but the result is expected in " + micros(wait + run)};
}

Nanoseconds Batcher::wait_behind(int64_t rows) const {
  const int64_t rows_per_run = std::max<int64_t>(policy_.max_rows, 1);
  return rows / (rows_per_run * options_.instances) * cost(rows_per_run);
}

bool Batcher::may_run_inline(const Request& request) const {
  return request.rows <= inline_rows_.load(std::memory_order_relaxed) && running_ < options_.instances &&
         queue_.empty() && policy_.max_delay.count() == 0;
}

// The most rows, of those tried, whose run costs less than inline_ceiling; 0: none, or nothing is known.
int64_t Batcher::rows_below_ceiling() const noexcept {
  constexpr int64_t kMost = 4096;
  if (has_dynamic_rows_ || !curve_.known()) return 0;
  int64_t below = 0;
  for (int64_t step = kMost; step > 0; step /= 2) {
    if (cost(below + step) < options_.inline_ceiling) below += step;
  }
  return below;
}

void Batcher::run_here(std::unique_ptr<Request> request) noexcept {
  Batch batch;
  batch.push_back(std::move(request));
  finish_run(batch, run_batch(batch, {.on_calling_thread = true}));
  if (more_work()) workers_.announce(shared_from_this());
}

void Batcher::run_turn(Batch& batch) noexcept {
  Batch dropped;
  {
    const std::lock_guard lock(mutex_);
    take_dead(batch, dropped, Clock::now());
    int64_t rows = 0;
    for (const auto& request : batch) rows += request->rows;
    if (!batch.empty()) begin_run(rows);
  }
  deliver_dropped(dropped);
  if (batch.empty()) return;
  finish_run(batch, run_batch(batch, {.on_calling_thread = true}));
  if (more_work()) workers_.announce(shared_from_this());
}

// What has died since it was accepted.
void Batcher::take_dead(Batch& batch, Batch& dropped, TimePoint now) const {
  for (auto& request : batch) {
    Status status = aborted_
                        ? Status(Code::kModelClosed, "the model '" + spec_.name + "' was closed before the request ran")
                        : dead_status(*request, now);
    if (status.ok()) continue;
    request->status = std::move(status);
    dropped.push_back(std::move(request));
  }
  if (!dropped.empty()) std::erase(batch, nullptr);
}

// Whether a worker should come now. At most one is on its way; the others follow as each takes its batch.
bool Batcher::wants_worker(TimePoint now) {
  if (announced_ || queue_.empty() || running_ >= options_.instances) return false;
  const bool lingering = policy_.max_delay.count() > 0 && timer_ != TimePoint::max() && timer_ > now;
  const int64_t enough = policy_.preferred_rows.empty() ? policy_.target_rows
                                                        : std::min(policy_.target_rows, policy_.preferred_rows.front());
  if (lingering && queue_.rows() < enough) return false;
  if (running_ > 0 && queue_.rows() < std::min(policy_.worthwhile_rows, enough)) {
    // The busy runner takes these along when it is done; the timer is for when it is not done soon.
    const TimePoint when = queue_.head_queued() + policy_.patience;
    if (when > now) {
      if (timer_ == TimePoint::max()) {
        timer_ = when;
        workers_.announce_at(shared_from_this(), when);
      }
      return false;
    }
  }
  announced_ = true;
  return true;
}

bool Batcher::more_work() {
  const std::lock_guard lock(mutex_);
  return !queue_.empty() && wants_worker(Clock::now());
}

bool Batcher::work(TimePoint now) noexcept {
  Batch batch;
  Batch dropped;
  BatchCut cut = {};
  bool announce = false;
  {
    const std::lock_guard lock(mutex_);
    announced_ = false;
    if (timer_ <= now) timer_ = TimePoint::max();
    if (running_ < options_.instances) take_batch(now, batch, dropped);
    cut = plan_.cut;
    if (!batch.empty()) {
      int64_t rows = 0;
      for (const auto& request : batch) rows += request->rows;
      begin_run(rows);
      announce = wants_worker(now);
    }
  }
  if (announce) workers_.announce(shared_from_this());
  const bool saw_dead = !dropped.empty();
  deliver_dropped(dropped);
  if (batch.empty()) return saw_dead && more_work();  // who lives may stand behind all that was looked at
  finish_run(batch, run_batch(batch, {.cut = cut}));
  return more_work();
}

void Batcher::take_batch(TimePoint now, Batch& batch, Batch& dropped) {
  const size_t horizon = static_cast<size_t>(policy_.max_rows) + policy_.scan_limit;
  if (const uint64_t moved = queue_.list(horizon, now, view_); moved > 0) stats_.delayed(moved);
  crowd_.see(queue_.rows() + running_rows_);
  plan_batch(view_, policy_, {.busy_runners = running_, .rows = crowd_.rows()}, now, plan_);
  if (plan_.take.empty() && plan_.wake != TimePoint::max() && plan_.wake < timer_) {
    timer_ = plan_.wake;
    workers_.announce_at(shared_from_this(), timer_);
  }
  for (uint32_t index : plan_.drop) dropped.push_back(queue_.take_dead(index, now));
  for (uint32_t index : plan_.take) {
    // The key is a hash: check the shapes themselves before two requests share memory.
    if (batch.empty() || may_share_batch(*batch.front(), queue_.at(index))) batch.push_back(queue_.take(index));
  }
  queue_.close_gaps();
}

void Batcher::cap_batches() {
  policy_.max_rows = std::min(policy_.max_rows, fitting_rows_);
  policy_.target_rows = std::min(policy_.target_rows, policy_.max_rows);
  policy_.worthwhile_rows = std::min(policy_.worthwhile_rows, policy_.max_rows);
}

// Until the policy is derived anew, which then tries twice as many.
void Batcher::shrink_batches(int64_t rows) noexcept {
  const std::lock_guard lock(mutex_);
  fitting_rows_ = std::max<int64_t>(std::min(fitting_rows_, rows), 1);
  cap_batches();
  runs_until_policy_ = kRunsPerPolicy;
}

void Batcher::follow_curve() {
  inline_rows_.store(rows_below_ceiling(), std::memory_order_relaxed);
  policy_ = derive_policy(options_, curve_, spec_.batched);
  if (fitting_rows_ < policy_.max_rows) {
    fitting_rows_ *= 2;
    cap_batches();
  } else {
    fitting_rows_ = INT64_MAX;
  }
  if (!options_.tune_delay) return;
  const BatchTuning tuning = tuner_.tuning();
  policy_.max_delay = tuning.delay;
  policy_.target_rows = std::min(tuning.target_rows, policy_.max_rows);
}

void Batcher::begin_run(int64_t rows) {
  ++running_;
  running_rows_ += rows;
}

void Batcher::end_run(const Batch& batch) {
  --running_;
  for (const auto& request : batch) {
    running_rows_ -= request->rows;
    window_.total_latency += request->timings.computed - request->timings.queued;
  }
  window_.requests += static_cast<int64_t>(batch.size());
  const TimePoint now = batch.back()->timings.computed;
  bool renew = --runs_until_policy_ <= 0;
  if (options_.tune_delay && ++window_runs_ >= kRunsPerWindow && now - window_start_ >= kShortestWindow) {
    tuner_.observe(window_, curve_.cost(policy_.max_rows));
    window_ = {};
    window_start_ = now;
    window_runs_ = 0;
    renew = true;
  }
  if (!renew) return;
  runs_until_policy_ = kRunsPerPolicy;
  follow_curve();
}

void Batcher::close(std::function<void()> on_idle) {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    if (outstanding_ > 0) {
      on_idle_ = std::move(on_idle);
      return;
    }
  }
  on_idle();
}

void Batcher::abort() noexcept {
  Batch dropped;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    aborted_ = true;
    dropped = queue_.clear();
  }
  runner_->terminate_all();
  for (const auto& request : dropped) {
    request->status = Status(Code::kModelClosed, "the model '" + spec_.name + "' was closed before the request ran");
  }
  deliver_dropped(dropped);
}

ModelStats::Snapshot Batcher::stats() const {
  ModelStats::Snapshot snapshot = stats_.snapshot();
  const std::lock_guard lock(mutex_);
  snapshot.requests = accepted_;
  return snapshot;
}

int64_t Batcher::max_batch_rows() const {
  const std::lock_guard lock(mutex_);
  return policy_.max_rows;
}

int64_t Batcher::queued_rows() const {
  const std::lock_guard lock(mutex_);
  return queue_.rows();
}

Nanoseconds Batcher::backlog() const {
  const std::lock_guard lock(mutex_);
  return wait_behind(queue_.rows());
}

}  // namespace ortserve
