// SPDX-License-Identifier: Apache-2.0
#include "core/batcher.h"

#include <algorithm>
#include <utility>

#include "core/batch_split.h"
#include "core/synthetic_inputs.h"

namespace ortserve {

namespace {

constexpr int64_t kDefaultRows = 16;     // the cap while the cost of a batch is unknown
constexpr int64_t kRunsPerPolicy = 256;  // how often the policy is derived anew

BatchPolicy derive_policy(const BatcherOptions& options, const CostCurve& curve, bool batched) {
  BatchPolicy policy;
  if (!batched || options.max_batch_rows == 1) return policy;
  const int64_t learned = curve.known() ? curve.efficient_rows(options.latency_objective / 2) : kDefaultRows;
  policy.max_rows = options.max_batch_rows > 0 ? options.max_batch_rows : learned;
  policy.max_delay = options.max_delay;
  policy.target_rows = policy.max_rows;
  policy.worthwhile_rows = curve.known() ? std::min(curve.worthwhile_rows(), policy.max_rows) : 1;
  // Twice a full batch: by then the busy runner has been held up by something other than its batch.
  policy.patience = std::max<Nanoseconds>(2 * curve.cost(policy.max_rows), std::chrono::milliseconds(1));
  return policy;
}

bool has_dynamic_rows(const ModelSpec& spec) {
  for (const InputSpec& input : spec.inputs) {
    for (size_t d = spec.batched ? 1 : 0; d < input.dims.rank(); ++d) {
      if (input.dims[d] < 0) return true;
    }
  }
  return false;
}

}  // namespace

Batcher::Batcher(WorkerPool& workers, BufferPool& pool, std::shared_ptr<Runner> runner, ModelSpec spec, CostCurve curve,
                 BatcherOptions options)
    : workers_(workers),
      pool_(pool),
      runner_(std::move(runner)),
      spec_(std::move(spec)),
      all_outputs_(ortserve::all_outputs(spec_)),
      options_(options),
      has_dynamic_rows_(has_dynamic_rows(spec_)),
      inline_allowed_(options.inline_ceiling.count() > 0 && options.max_delay.count() == 0 && !has_dynamic_rows_),
      curve_(std::move(curve)),
      policy_(derive_policy(options_, curve_, spec_.batched)),
      runs_until_policy_(kRunsPerPolicy) {}

Batcher::~Batcher() = default;

Status Batcher::submit(std::unique_ptr<Request>& request) {
  const TimePoint now = Clock::now();
  std::unique_lock lock(mutex_);
  if (Status status = admit(*request, now); !status.ok()) {
    lock.unlock();
    stats_.refused(status.code());
    return status;
  }
  ++outstanding_;
  request->timings.queued = now;
  if (may_run_inline(*request)) {
    ++running_;
    lock.unlock();
    stats_.accepted();
    stats_.ran_inline();
    Batch batch;
    batch.push_back(std::move(request));
    run_batch(batch);
    finish_run(batch);
    lock.lock();
    const bool announce = wants_worker(Clock::now());
    lock.unlock();
    if (announce) workers_.announce(shared_from_this());
    return {};
  }
  queue_rows_ += request->rows;
  queue_bytes_ += request->input_bytes;
  queue_.push_back(std::move(request));
  const bool announce = wants_worker(now);
  lock.unlock();
  stats_.accepted();
  if (announce) workers_.announce(shared_from_this());
  return {};
}

Status Batcher::admit(const Request& request, TimePoint now) const {
  if (closed_) return {Code::kModelClosed, "the model '" + spec_.name + "' is closed"};
  if (request.deadline <= now) return {Code::kDeadlineExceeded, "the deadline passed before the request was queued"};
  // An empty queue takes any request: a bound smaller than one request must not make it impossible.
  if (!queue_.empty() && (queue_rows_ + request.rows > options_.max_queue_rows ||
                          queue_bytes_ + request.input_bytes > options_.max_queue_bytes)) {
    return {Code::kQueueFull, "the queue of model '" + spec_.name + "' is full: " + std::to_string(queue_rows_) +
                                  " rows and " + std::to_string(queue_bytes_) + " bytes wait, at most " +
                                  std::to_string(options_.max_queue_rows) + " rows and " +
                                  std::to_string(options_.max_queue_bytes) + " bytes may"};
  }
  if (request.deadline == kNoDeadline) return {};
  const int64_t rows_per_run = std::max<int64_t>(policy_.max_rows, 1);
  const int64_t runs_ahead = queue_rows_ / (rows_per_run * options_.instances);
  const Nanoseconds expected = runs_ahead * curve_.cost(rows_per_run) + curve_.cost(request.rows);
  if (request.deadline - now >= expected) return {};
  return {Code::kDeadlineExceeded, "the deadline is in " + std::to_string((request.deadline - now).count() / 1000) +
                                       " us, but the result is expected in " + std::to_string(expected.count() / 1000) +
                                       " us"};
}

bool Batcher::may_run_inline(const Request& request) const {
  if (!inline_allowed_ || running_ > 0 || !queue_.empty()) return false;
  const Nanoseconds cost = curve_.cost(request.rows);
  return cost.count() > 0 && cost < options_.inline_ceiling;
}

// Whether a worker should come now. At most one is on its way; the others follow as each takes its batch.
bool Batcher::wants_worker(TimePoint now) {
  if (announced_ || queue_.empty() || running_ >= options_.instances) return false;
  const bool lingering = policy_.max_delay.count() > 0 && timer_ != TimePoint::max() && timer_ > now;
  if (lingering && queue_rows_ < policy_.target_rows) return false;
  if (running_ > 0 && queue_rows_ < policy_.worthwhile_rows) {
    // The busy runner takes these along when it is done; the timer is for when it is not done soon.
    const TimePoint when = queue_.front()->timings.queued + policy_.patience;
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

bool Batcher::work(TimePoint now) noexcept {
  Batch batch;
  Batch dropped;
  bool announce = false;
  {
    const std::lock_guard lock(mutex_);
    announced_ = false;
    if (timer_ <= now) timer_ = TimePoint::max();
    if (running_ < options_.instances) take_batch(now, batch, dropped);
    if (!batch.empty()) {
      ++running_;
      announce = wants_worker(now);
    }
  }
  if (announce) workers_.announce(shared_from_this());
  deliver_dropped(dropped, now);
  if (batch.empty()) return false;
  run_batch(batch);
  finish_run(batch);
  const std::lock_guard lock(mutex_);
  return wants_worker(Clock::now());
}

void Batcher::take_batch(TimePoint now, Batch& batch, Batch& dropped) {
  const size_t horizon = static_cast<size_t>(policy_.max_rows) + policy_.scan_limit;
  view_.clear();
  for (size_t i = 0; i < queue_.size() && i < horizon; ++i) {
    const Request& request = *queue_[i];
    view_.push_back(
        {request.rows, request.shape_key, request.timings.queued, request.deadline, request.is_cancelled()});
  }
  plan_batch(view_, policy_, running_, now, plan_);
  if (plan_.take.empty() && plan_.wake != TimePoint::max() && plan_.wake < timer_) {
    timer_ = plan_.wake;
    workers_.announce_at(shared_from_this(), timer_);
  }
  if (plan_.take.empty() && plan_.drop.empty()) return;
  const auto leave = [this](size_t index) {
    auto request = std::move(queue_[index]);
    queue_rows_ -= request->rows;
    queue_bytes_ -= request->input_bytes;
    return request;
  };
  for (uint32_t index : plan_.drop) dropped.push_back(leave(index));
  for (uint32_t index : plan_.take) {
    // The key is a hash: check the shapes themselves before two requests share memory.
    if (batch.empty() || may_share_batch(*batch.front(), *queue_[index])) batch.push_back(leave(index));
  }
  const auto touched = static_cast<ptrdiff_t>(std::min(view_.size(), queue_.size()));
  queue_.erase(std::remove(queue_.begin(), queue_.begin() + touched, nullptr), queue_.begin() + touched);
}

void Batcher::run_batch(Batch& batch) noexcept {
  const TimePoint started = Clock::now();
  int64_t rows = 0;
  for (const auto& request : batch) {
    request->timings.started = started;
    rows += request->rows;
  }
  for (const auto& request : batch) request->batch_rows = rows;
  if (batch.size() == 1) return run_alone(*batch.front());
  const Status status = run_together(batch, rows, started);
  if (status.ok()) return;
  if (status.code() == Code::kCancelled) {  // only abort() stops a batch of several
    for (const auto& request : batch) request->status = status;
    return;
  }
  stats_.isolated(batch.size());
  for (const auto& request : batch) run_alone(*request);
}

Status Batcher::run_together(Batch& batch, int64_t rows, TimePoint started) {
  std::vector<Tensor> inputs;
  ORTSERVE_RETURN_IF_ERROR(join_inputs(pool_, batch, inputs));
  const auto& first = *batch.front();
  const auto& wanted = first.wanted.empty() ? all_outputs_ : first.wanted;
  std::vector<Value> outputs;
  ORTSERVE_RETURN_IF_ERROR(runner_->run(inputs, first.present, wanted, outputs, nullptr));
  ORTSERVE_RETURN_IF_ERROR(split_outputs(batch, rows, outputs));
  const TimePoint computed = Clock::now();
  for (const auto& request : batch) request->timings.computed = computed;
  stats_.executed(rows, computed - started);
  curve_.observe(rows, computed - started);
  return {};
}

// Whether a run is long enough that a caller who leaves should stop it. Short ones are not worth watching.
bool Batcher::may_outlast_its_caller(const Request& request) const {
  constexpr std::chrono::milliseconds kLong{20};
  return has_dynamic_rows_ || !curve_.known() || curve_.cost(request.rows) > kLong;
}

void Batcher::run_alone(Request& request) noexcept {
  const TimePoint started = Clock::now();
  const auto& wanted = request.wanted.empty() ? all_outputs_ : request.wanted;
  request.outputs.clear();
  request.batch_rows = request.rows;
  const auto* terminate = may_outlast_its_caller(request) ? request.cancelled : nullptr;
  request.status = runner_->run(request.inputs, request.present, wanted, request.outputs, terminate);
  request.timings.computed = Clock::now();
  if (!request.status.ok()) return;
  stats_.executed(request.rows, request.timings.computed - started);
  curve_.observe(request.rows, request.timings.computed - started);
}

// The run is over: a submit() may call another worker while this one encodes the results.
void Batcher::finish_run(Batch& batch) noexcept {
  {
    const std::lock_guard lock(mutex_);
    --running_;
    if (--runs_until_policy_ <= 0) {
      runs_until_policy_ = kRunsPerPolicy;
      policy_ = derive_policy(options_, curve_, spec_.batched);
    }
    for (const auto& request : batch) {
      if (aborted_ && request->status.code() == Code::kCancelled) {
        request->status = Status(Code::kModelClosed, "the model '" + spec_.name + "' was closed during the run");
      }
    }
  }
  deliver(batch);
}

void Batcher::deliver_dropped(Batch& dropped, TimePoint now) noexcept {
  for (const auto& request : dropped) {
    const bool cancelled = request->is_cancelled();
    if (cancelled) {
      request->status = Status(Code::kCancelled, "the request was cancelled before it ran");
    } else if (request->deadline <= now) {
      request->status = Status(Code::kDeadlineExceeded, "the deadline passed while the request was queued");
    } else {
      request->status = Status(Code::kModelClosed, "the model '" + spec_.name + "' was closed before the request ran");
    }
    if (request->status.code() != Code::kModelClosed) stats_.dropped(request->status.code());
  }
  deliver(dropped);
}

void Batcher::deliver(Batch& batch) noexcept {
  if (batch.empty()) return;
  for (auto& request : batch) {
    stats_.finished(*request);
    request->inputs.clear();
    ResultSink* const sink = request->sink;
    sink->deliver(std::move(request));
  }
  std::function<void()> on_idle;
  {
    const std::lock_guard lock(mutex_);
    outstanding_ -= static_cast<int64_t>(batch.size());
    if (outstanding_ == 0) on_idle = std::exchange(on_idle_, nullptr);
  }
  if (on_idle) on_idle();
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
    for (auto& request : queue_) dropped.push_back(std::move(request));
    queue_.clear();
    queue_rows_ = 0;
    queue_bytes_ = 0;
  }
  runner_->terminate_all();
  deliver_dropped(dropped, Clock::now());
}

int64_t Batcher::max_batch_rows() const {
  const std::lock_guard lock(mutex_);
  return policy_.max_rows;
}

int64_t Batcher::queued_rows() const {
  const std::lock_guard lock(mutex_);
  return queue_rows_;
}

}  // namespace ortserve
