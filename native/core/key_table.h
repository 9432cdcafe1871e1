// SPDX-License-Identifier: Apache-2.0
// Finds objects by their CacheKey. Half of a key stands in the table, so that looking up, growing and erasing touch
// none of the objects but the one that is found: those that are not in use lie in memory that no processor cache holds.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/request.h"

namespace ortserve {

/// Open addressing with linear probing. `T` has a member `CacheKey key`, evenly distributed, which stays as it is while
/// the object is in the table. Owns nothing. Not thread-safe.
template <typename T>
class KeyTable {
 public:
  size_t size() const noexcept { return size_; }

  /// Null where there is none.
  T* find(const CacheKey& key) const noexcept {
    if (slots_.empty()) return nullptr;
    for (size_t i = home_of(key.low); slots_[i].item; i = next(i)) {
      if (slots_[i].low == key.low && slots_[i].item->key == key) return slots_[i].item;
    }
    return nullptr;
  }

  /// `item` is not in the table, and no other has its key. Throws bad_alloc.
  void insert(T& item) {
    if (4 * (size_ + 1) > 3 * slots_.size()) grow();
    place({item.key.low, &item});
    ++size_;
  }

  /// `item` is in the table.
  void erase(const T& item) noexcept {
    size_t hole = home_of(item.key.low);
    while (slots_[hole].item != &item) hole = next(hole);
    // What was pushed over the hole, looking for room, comes back into it.
    for (size_t i = next(hole); slots_[i].item; i = next(i)) {
      if (distance(home_of(slots_[i].low), i) < distance(hole, i)) continue;
      slots_[hole] = slots_[i];
      hole = i;
    }
    slots_[hole] = {};
    --size_;
  }

  template <typename Visit>
  void for_each(Visit visit) const {
    for (const Slot& slot : slots_) {
      if (slot.item) visit(*slot.item);
    }
  }

 private:
  struct Slot {
    uint64_t low = 0;  // of the key
    T* item = nullptr;
  };
  static constexpr size_t kFewest = 16;

  size_t home_of(uint64_t low) const noexcept { return static_cast<size_t>(low) & (slots_.size() - 1); }
  size_t next(size_t i) const noexcept { return (i + 1) & (slots_.size() - 1); }
  size_t distance(size_t from, size_t to) const noexcept { return (to - from) & (slots_.size() - 1); }

  void place(const Slot& slot) noexcept {
    size_t i = home_of(slot.low);
    while (slots_[i].item) i = next(i);
    slots_[i] = slot;
  }

  void grow() {
    std::vector<Slot> old(std::max(kFewest, 2 * slots_.size()));  // a power of two
    old.swap(slots_);
    for (const Slot& slot : old) {
      if (slot.item) place(slot);
    }
  }

  std::vector<Slot> slots_;
  size_t size_ = 0;
};

}  // namespace ortserve
