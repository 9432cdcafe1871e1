// SPDX-License-Identifier: Apache-2.0
// The end of a batch: its answers are prepared, counted, put in order and handed over.
#include <utility>

#include "core/batcher.h"

namespace ortserve {

// The run is over: a submit() may call another worker while this one encodes the results.
void Batcher::finish_run(Batch& batch, const Executed& executed) noexcept {
  {
    const std::lock_guard lock(mutex_);
    end_run(batch);
    for (const auto& request : batch) {
      if (aborted_ && request->status.code() == Code::kCancelled) {
        request->status = Status(Code::kModelClosed, "the model '" + spec_.name + "' was closed during the run");
      }
    }
  }
  if (options_.samples) {
    for (const auto& request : batch) {
      if (request->status.ok()) options_.samples->offer(*request, spec_.batched);
    }
  }
  prepare(batch);
  count(batch, executed);
  deliver(batch);
}

void Batcher::prepare(Batch& batch) const noexcept {
  for (const auto& request : batch) {
    if (!options_.buckets.empty() && request->status.ok()) request->status = options_.buckets.trim(pool_, *request);
    request->inputs.clear();
    request->sink->prepare(*request);
  }
  const TimePoint answered = Clock::now();
  for (const auto& request : batch) request->timings.answered = answered;
}

// Before the answers leave: whoever has one must find it counted.
void Batcher::count(const Batch& batch, const Executed& executed) noexcept {
  ModelStats::BatchRecord record = executed.record;
  auto rest = std::span(batch);
  const size_t all = batch.size();
  for (const size_t requests : executed.parts.empty() ? std::span(&all, 1) : std::span(executed.parts)) {
    const auto part = rest.first(requests);
    rest = rest.subspan(requests);
    record.isolated = executed.record.isolated && requests == 1;
    record.rows = rows_to_run(part.front()->batch_rows);
    record.padding = record.rows - part.front()->batch_rows;
    stats_.finished(part, record);
    record.cut.reset();
  }
}

void Batcher::deliver_dropped(Batch& dropped) noexcept {
  if (dropped.empty()) return;
  prepare(dropped);
  for (const auto& request : dropped) stats_.dropped(*request);
  deliver(dropped);
}

void Batcher::deliver(Batch& batch) noexcept {
  if (!options_.preserve_order) return hand_over(batch);
  order_.finish(std::move(batch), [this](Batch& ready) { hand_over(ready); });
}

void Batcher::hand_over(Batch& batch) noexcept {
  deliver_to_sinks(batch);
  std::function<void()> on_idle;
  {
    const std::lock_guard lock(mutex_);
    outstanding_ -= static_cast<int64_t>(batch.size());
    if (outstanding_ == 0) on_idle = std::exchange(on_idle_, nullptr);
  }
  if (on_idle) on_idle();
}

}  // namespace ortserve
