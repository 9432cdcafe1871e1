// SPDX-License-Identifier: Apache-2.0
#include "core/stats.h"

namespace ortserve {

namespace {

void add(ModelStats::Compute& total, const Timings& at) noexcept {
  total.input.add(at.bound - at.started);
  total.infer.add(at.computed - at.bound);
  total.output.add(at.answered - at.computed);
}

// Who has given up, or was told meanwhile that the time is over, had no success, whatever the model found.
bool is_failure(const Request& request) noexcept {
  return !request.status.ok() || request.is_cancelled();
}

}  // namespace

void ModelStats::refused(const Request& request, Code code) noexcept {
  const std::lock_guard lock(mutex_);
  totals_.last_received = std::max(totals_.last_received, request.timings.received);
  if (code == Code::kQueueFull) ++totals_.refused_full;
  if (code == Code::kDeadlineExceeded || code == Code::kQueueTimeout) ++totals_.refused_deadline;
}

void ModelStats::dropped(const Request& request) noexcept {
  const std::lock_guard lock(mutex_);
  totals_.last_received = std::max(totals_.last_received, request.timings.received);
  totals_.copied_in_bytes += request.copied.in;
  const Code code = request.status.code();
  if (code == Code::kCancelled) ++totals_.cancelled;
  if (code == Code::kDeadlineExceeded || code == Code::kQueueTimeout) ++totals_.expired;
}

void ModelStats::delayed(uint64_t requests) noexcept {
  const std::lock_guard lock(mutex_);
  totals_.delayed += requests;
}

void ModelStats::finished(std::span<const std::unique_ptr<Request>> batch, const BatchRecord& record) noexcept {
  const std::lock_guard lock(mutex_);
  if (record.cut) ++totals_.cuts[static_cast<size_t>(*record.cut)];
  if (record.on_calling_thread) totals_.ran_inline += batch.size();
  if (record.isolated) totals_.isolated += batch.size();
  for (const auto& request : batch) finished_one(*request);
  if (!batch.front()->status.ok()) return;
  ++totals_.executions;
  totals_.padded_rows += static_cast<uint64_t>(record.padding);
  add(totals_.batches[record.rows], batch.front()->timings);
}

void ModelStats::finished_one(const Request& request) noexcept {
  const Timings& at = request.timings;
  totals_.last_received = std::max(totals_.last_received, at.received);
  totals_.copied_in_bytes += request.copied.in;
  totals_.copied_out_bytes += request.copied.out;
  totals_.decode.add(at.decoded - std::max(at.received, at.decoding));
  totals_.queue.add(at.started - at.queued);
  if (is_failure(request)) {
    totals_.fail.add(at.answered - at.received);
    return;
  }
  totals_.rows += static_cast<uint64_t>(request.rows);
  totals_.success.add(at.answered - at.received);
  add(totals_.compute, at);
}

void ModelStats::answered_by_cache(const Request& request) noexcept {
  const std::lock_guard lock(mutex_);
  totals_.copied_in_bytes += request.copied.in;
  totals_.copied_out_bytes += request.copied.out;
  count_answered(request.timings, request.cache_time, is_failure(request) ? totals_.fail : totals_.success);
}

void ModelStats::answered_by_cache(const Timings& at, Nanoseconds lookup) noexcept {
  const std::lock_guard lock(mutex_);
  count_answered(at, lookup, totals_.success);
}

void ModelStats::count_answered(const Timings& at, Nanoseconds lookup, Duration& outcome) noexcept {
  totals_.last_received = std::max(totals_.last_received, at.received);
  totals_.decode.add(at.decoded - std::max(at.received, at.decoding));
  totals_.queue.add(at.started - at.queued);
  totals_.cache_hit.add(lookup);
  outcome.add(at.answered - at.received);
}

void ModelStats::cache_missed(std::span<const std::unique_ptr<Request>> requests) noexcept {
  const std::lock_guard lock(mutex_);
  for (const auto& request : requests) totals_.cache_miss.add(request->cache_time);
}

void ModelStats::copied_out(uint64_t bytes) noexcept {
  const std::lock_guard lock(mutex_);
  totals_.copied_out_bytes += bytes;
}

ModelStats::Snapshot ModelStats::snapshot() const {
  const std::lock_guard lock(mutex_);
  return totals_;
}

}  // namespace ortserve
