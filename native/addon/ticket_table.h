// SPDX-License-Identifier: Apache-2.0
// Tickets of the requests that one JavaScript environment has in flight.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <vector>

namespace ortserve {

/// A ticket is a slot (low 20 bits) and the slot's generation, which tells a reused slot from a stale ticket. It is
/// never 0. Belongs to the JavaScript thread; only the cancel flags are read elsewhere.
class TicketTable {
 public:
  static constexpr uint32_t kSlotBits = 20;
  static constexpr uint32_t kMaxOpen = 1u << kSlotBits;

  /// A new ticket, or 0 when kMaxOpen are open.
  uint32_t open();
  /// Ends an open ticket. Nobody may read its flag any more.
  void close(uint32_t ticket) noexcept;
  /// Sets the flag; a ticket that is not open is ignored.
  void cancel(uint32_t ticket) noexcept;
  void cancel_all() noexcept;
  /// The flag of an open ticket; stays where it is as long as the table lives.
  const std::atomic<bool>* cancelled(uint32_t ticket) const noexcept { return &slots_[slot_of(ticket)].cancelled; }
  uint32_t open_count() const noexcept { return open_count_; }

 private:
  struct Slot {
    std::atomic<bool> cancelled{false};
    uint32_t generation = 0;
    bool open = false;
  };
  static uint32_t slot_of(uint32_t ticket) noexcept { return ticket & (kMaxOpen - 1); }

  std::deque<Slot> slots_;  // a deque: flags must not move
  std::vector<uint32_t> free_;
  uint32_t open_count_ = 0;
};

}  // namespace ortserve
