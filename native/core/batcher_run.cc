// SPDX-License-Identifier: Apache-2.0
// The runs of a batch: together, and after a failure in parts, so that one request's fault is its own.
#include <algorithm>
#include <utility>

#include "core/batch_split.h"
#include "core/batcher.h"

namespace ortserve {

int64_t Batcher::rows_to_run(int64_t rows) const noexcept {
  return spec_.batched ? padded_rows(options_.pad_to, rows) : rows;
}

Batcher::Executed Batcher::run_batch(Batch& batch, ModelStats::BatchRecord record) noexcept {
  int64_t rows = 0;
  for (const auto& request : batch) rows += request->rows;
  for (const auto& request : batch) request->batch_rows = rows;
  if (batch.size() == 1) {
    run_alone(batch.front());
    return {record};
  }
  const Status status = run_together(batch, nullptr);
  if (status.ok()) return {record};
  if (status.code() == Code::kCancelled) {  // only abort() stops a batch of several
    for (const auto& request : batch) request->status = status;
    return {record};
  }
  record.isolated = true;
  std::vector<size_t> parts;
  if (status.code() == Code::kOutOfMemory) {
    shrink_batches(rows / 2);
    run_halves(batch, parts);
  } else {
    run_each(batch, parts);
  }
  return {record, std::move(parts)};
}

void Batcher::run_each(std::span<std::unique_ptr<Request>> batch, std::vector<size_t>& parts) noexcept {
  for (const auto& request : batch) run_alone(request);
  parts.insert(parts.end(), batch.size(), 1);
}

// The device, or the pool, had no room for all of them at once.
void Batcher::run_halves(std::span<std::unique_ptr<Request>> batch, std::vector<size_t>& parts) noexcept {
  const size_t middle = batch.size() / 2;
  for (const auto half : {batch.first(middle), batch.subspan(middle)}) {
    if (half.size() == 1) {
      run_each(half, parts);
      continue;
    }
    int64_t rows = 0;
    for (const auto& request : half) rows += request->rows;
    for (const auto& request : half) request->batch_rows = rows;
    const Status status = run_together(half, nullptr);
    if (status.code() == Code::kOutOfMemory) {
      run_halves(half, parts);
    } else if (status.ok() || status.code() == Code::kCancelled) {
      if (!status.ok()) {
        for (const auto& request : half) request->status = status;
      }
      parts.push_back(half.size());
    } else {
      run_each(half, parts);
    }
  }
}

Status Batcher::run_together(std::span<const std::unique_ptr<Request>> batch, const std::atomic<bool>* terminate) {
  const TimePoint started = Clock::now();
  const Request& first = *batch.front();
  const int64_t rows = rows_to_run(first.batch_rows);
  RunTimes times;
  const Status status = [&]() -> Status {
    std::vector<Tensor> inputs;
    ORTSERVE_RETURN_IF_ERROR(join_inputs(pool_, batch, rows - first.batch_rows, inputs));
    const auto& wanted = first.wanted.empty() ? all_outputs_ : first.wanted;
    std::vector<Value> outputs;
    ORTSERVE_RETURN_IF_ERROR(runner_->run(inputs, first.present, wanted, outputs, terminate, &times));
    return split_outputs(batch, rows, outputs);
  }();
  note_run(batch, started, times);
  if (status.ok()) curve_.observe(rows, first.timings.computed - started);
  return status;
}

// What the runner could not tell, or did not come to, ended now.
void Batcher::note_run(std::span<const std::unique_ptr<Request>> batch, TimePoint started, RunTimes times) noexcept {
  if (times.computed == TimePoint{}) times.computed = Clock::now();
  if (times.bound == TimePoint{}) times.bound = started;
  for (const auto& request : batch) {
    request->timings.started = started;
    request->timings.bound = times.bound;
    request->timings.computed = times.computed;
  }
}

// Whether a run is long enough that a caller who leaves should stop it. Short ones are not worth watching.
bool Batcher::may_outlast_its_caller(const Request& request) const {
  constexpr std::chrono::milliseconds kLong{20};
  if (request.rows <= inline_rows_.load(std::memory_order_relaxed)) return false;
  return has_dynamic_rows_ || !curve_.known() || cost(request.rows) > kLong;
}

void Batcher::run_alone(const std::unique_ptr<Request>& request) noexcept {
  request->outputs.clear();
  request->batch_rows = request->rows;
  const auto* terminate = may_outlast_its_caller(*request) ? request->cancelled : nullptr;
  if (rows_to_run(request->rows) == request->rows) return run_in_place(request, terminate);
  request->status = run_together({&request, 1}, terminate);
}

// On the request's own buffers: nothing is joined, nothing is copied.
void Batcher::run_in_place(const std::unique_ptr<Request>& request, const std::atomic<bool>* terminate) {
  const TimePoint started = Clock::now();
  const auto& wanted = request->wanted.empty() ? all_outputs_ : request->wanted;
  RunTimes times;
  request->status = runner_->run(request->inputs, request->present, wanted, request->outputs, terminate, &times);
  note_run({&request, 1}, started, times);
  if (request->status.ok()) curve_.observe(request->rows, request->timings.computed - started);
}

}  // namespace ortserve
