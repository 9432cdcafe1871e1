// SPDX-License-Identifier: Apache-2.0
#include "engine/active_runs.h"

#include "engine/cancel_watch.h"

namespace ortserve {

void RunSlot::stop() noexcept {
  if (stopped.exchange(true, std::memory_order_relaxed)) return;
  Ort::Status(Ort::GetApi().RunOptionsSetTerminate(options));  // sets a flag: cannot fail
}

void RunSlot::clear() noexcept {
  if (binding) {
    binding.ClearBoundInputs();
    binding.ClearBoundOutputs();
  }
  inputs.clear();
  outputs.clear();
  input_names.clear();
  output_names.clear();
}

RunSlot& ActiveRuns::enter(const std::atomic<bool>* terminate) {
  CancelWatch* const watch = terminate ? &cancel_watch() : nullptr;  // may throw: before a slot is taken
  std::unique_lock lock(mutex_);
  if (idle_.empty()) {
    idle_.reserve(slots_.size() + 1);  // so that leave() never allocates
    slots_.push_back(std::make_unique<RunSlot>());
    idle_.push_back(slots_.back().get());
  }
  RunSlot& slot = *idle_.back();
  idle_.pop_back();
  slot.in_flight = true;
  lock.unlock();
  slot.terminate = terminate;
  if (watch && !watch->add(slot)) slot.terminate = nullptr;
  return slot;
}

void ActiveRuns::leave(RunSlot& slot) noexcept {
  if (slot.terminate) cancel_watch().remove(slot);
  slot.clear();
  const std::lock_guard lock(mutex_);
  slot.in_flight = false;
  if (slot.stopped.exchange(false, std::memory_order_relaxed)) {
    Ort::Status(Ort::GetApi().RunOptionsUnsetTerminate(slot.options));
  }
  idle_.push_back(&slot);
}

void ActiveRuns::clear() noexcept {
  const std::lock_guard lock(mutex_);
  idle_.clear();
  slots_.clear();
}

void ActiveRuns::stop_all() noexcept {
  const std::lock_guard lock(mutex_);
  for (const auto& slot : slots_) {
    if (slot->in_flight) slot->stop();
  }
}

}  // namespace ortserve
