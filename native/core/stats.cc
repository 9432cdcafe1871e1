// SPDX-License-Identifier: Apache-2.0
#include "core/stats.h"

namespace ortserve {

namespace {

void add(ModelStats::Duration& total, Nanoseconds elapsed) noexcept {
  ++total.count;
  total.nanoseconds += static_cast<uint64_t>(std::max<int64_t>(elapsed.count(), 0));
}

}  // namespace

void ModelStats::accepted() noexcept {
  const std::lock_guard lock(mutex_);
  ++totals_.requests;
}

void ModelStats::refused(Code code) noexcept {
  const std::lock_guard lock(mutex_);
  if (code == Code::kQueueFull) ++totals_.refused_full;
  if (code == Code::kDeadlineExceeded) ++totals_.refused_deadline;
}

void ModelStats::dropped(Code code) noexcept {
  const std::lock_guard lock(mutex_);
  ++(code == Code::kCancelled ? totals_.cancelled : totals_.expired);
}

void ModelStats::isolated(uint64_t requests) noexcept {
  const std::lock_guard lock(mutex_);
  totals_.isolated += requests;
}

void ModelStats::ran_inline() noexcept {
  const std::lock_guard lock(mutex_);
  ++totals_.ran_inline;
}

void ModelStats::delayed(uint64_t requests) noexcept {
  const std::lock_guard lock(mutex_);
  totals_.delayed += requests;
}

void ModelStats::formed(BatchCut cut) noexcept {
  const std::lock_guard lock(mutex_);
  ++totals_.cuts[static_cast<size_t>(cut)];
}

void ModelStats::executed(int64_t rows, int64_t padding, Nanoseconds elapsed) noexcept {
  const std::lock_guard lock(mutex_);
  ++totals_.executions;
  totals_.padded_rows += static_cast<uint64_t>(padding);
  add(totals_.batches[rows], elapsed);
}

void ModelStats::finished(const Request& request) noexcept {
  const Timings& at = request.timings;
  const std::lock_guard lock(mutex_);
  totals_.copied_in_bytes += request.copied.in;
  totals_.copied_out_bytes += request.copied.out;
  if (at.started == TimePoint{}) return;  // never ran
  add(totals_.queue, at.started - at.queued);
  if (!request.status.ok()) {
    add(totals_.fail, Clock::now() - at.received);
    return;
  }
  totals_.rows += static_cast<uint64_t>(request.rows);
  add(totals_.success, at.computed - at.received);
  add(totals_.compute, at.computed - at.started);
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
