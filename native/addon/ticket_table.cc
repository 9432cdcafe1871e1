// SPDX-License-Identifier: Apache-2.0
#include "addon/ticket_table.h"

namespace ortserve {

namespace {

constexpr uint32_t kGenerations = (1u << (32 - TicketTable::kSlotBits)) - 1;  // 1 .. this, so that no ticket is 0

}  // namespace

uint32_t TicketTable::open() {
  if (free_.empty()) {
    if (slots_.size() == kMaxOpen) return 0;
    free_.push_back(static_cast<uint32_t>(slots_.size()));
    slots_.emplace_back();
  }
  const uint32_t index = free_.back();
  free_.pop_back();
  Slot& slot = slots_[index];
  slot.generation = slot.generation % kGenerations + 1;
  slot.open = true;
  slot.cancelled.store(false, std::memory_order_relaxed);
  ++open_count_;
  return slot.generation << kSlotBits | index;
}

void TicketTable::close(uint32_t ticket) noexcept {
  Slot& slot = slots_[slot_of(ticket)];
  slot.open = false;
  --open_count_;
  free_.push_back(slot_of(ticket));  // has room: open() made it
}

void TicketTable::cancel(uint32_t ticket) noexcept {
  const uint32_t index = slot_of(ticket);
  if (index >= slots_.size()) return;
  Slot& slot = slots_[index];
  if (slot.open && slot.generation == ticket >> kSlotBits) slot.cancelled.store(true, std::memory_order_relaxed);
}

void TicketTable::cancel_all() noexcept {
  for (Slot& slot : slots_) {
    if (slot.open) slot.cancelled.store(true, std::memory_order_relaxed);
  }
}

}  // namespace ortserve
