// SPDX-License-Identifier: Apache-2.0
#include "addon/reply_slab.h"

#include <new>

namespace ortserve {

namespace {

constexpr size_t kReplyAlignment = 16;
constexpr size_t kWorthCutting = 1024;  // bytes

size_t aligned(size_t size) {
  return (size + kReplyAlignment - 1) & ~(kReplyAlignment - 1);
}

ReplySlab::Memory allocate(size_t size) {
  return ReplySlab::Memory(new (std::nothrow)
                               std::byte[size]);  // uninitialised: the encoder writes every byte it reports
}

}  // namespace

ReplySlab::Place ReplySlab::acquire(size_t bound) noexcept {
  try {
    if (bound > kLargestInChunk) return acquire_large(bound);
    const std::lock_guard lock(mutex_);
    if ((current_ == kNone || chunks_[current_].top + bound > kChunkBytes) && !next_chunk()) return {};
    Chunk& chunk = chunks_[current_];
    const Place place{chunk.memory.get() + chunk.top, current_, static_cast<uint32_t>(chunk.top), bound};
    chunk.top = aligned(chunk.top + bound);
    ++chunk.unread;
    return place;
  } catch (const std::bad_alloc&) {
    return {};
  }
}

ReplySlab::Place ReplySlab::acquire_large(size_t bound) {
  if (bound > UINT32_MAX) return {};
  Memory memory = allocate(bound);
  if (!memory) return {};
  const std::lock_guard lock(mutex_);
  if (free_large_.empty()) {
    free_large_.reserve(large_.size() + 1);  // so that take_large() cannot fail
    free_large_.push_back(static_cast<uint32_t>(large_.size()));
    large_.emplace_back();
  }
  const uint32_t index = free_large_.back();
  free_large_.pop_back();
  std::byte* const data = memory.get();
  large_[index] = std::move(memory);
  return {data, kLarge, index, bound};
}

// The full chunk stays behind until its replies were read; an idle or a new one takes its place.
bool ReplySlab::next_chunk() {
  if (current_ != kNone && chunks_[current_].unread == 0) {
    chunks_[current_].top = 0;
    return true;
  }
  if (!idle_.empty()) {
    current_ = idle_.back();
    idle_.pop_back();
    chunks_[current_].top = 0;
    return true;
  }
  Memory memory = allocate(kChunkBytes);
  if (!memory) return false;
  if (vacant_.empty()) {
    chunks_.emplace_back();
    vacant_.push_back(static_cast<uint32_t>(chunks_.size() - 1));
  }
  current_ = vacant_.back();
  vacant_.pop_back();
  chunks_[current_] = {std::move(memory), 0, 0};
  return true;
}

void ReplySlab::commit(const Place& place, size_t used) noexcept {
  if (place.slab == kLarge || place.bound - used < kWorthCutting) return;
  const std::lock_guard lock(mutex_);
  Chunk& chunk = chunks_[place.slab];
  // Only the newest reservation can be cut: behind another one the rest stays unused until the chunk is.
  if (chunk.top == aligned(place.offset + place.bound)) chunk.top = aligned(place.offset + used);
}

std::vector<uint32_t> ReplySlab::release(uint32_t slab, uint32_t replies) {
  std::vector<uint32_t> given_up;
  const std::lock_guard lock(mutex_);
  release_locked(slab, replies, &given_up);
  return given_up;
}

void ReplySlab::release_locked(uint32_t slab, uint32_t replies, std::vector<uint32_t>* given_up) {
  Chunk& chunk = chunks_[slab];
  chunk.unread -= replies;
  if (chunk.unread > 0) return;
  if (slab == current_) {
    chunk.top = 0;
  } else if (idle_.size() < kIdleChunks || given_up == nullptr) {
    idle_.push_back(slab);
  } else {
    chunk = {};
    vacant_.push_back(slab);
    given_up->push_back(slab);
  }
}

void ReplySlab::discard(const Place& place) noexcept {
  if (place.data == nullptr) return;
  if (place.slab == kLarge) {
    take_large(place.offset);
    return;
  }
  const std::lock_guard lock(mutex_);
  release_locked(place.slab, 1, nullptr);
}

ReplySlab::Memory ReplySlab::chunk(uint32_t slab) const {
  const std::lock_guard lock(mutex_);
  return chunks_[slab].memory;
}

ReplySlab::Memory ReplySlab::take_large(uint32_t index) {
  const std::lock_guard lock(mutex_);
  free_large_.push_back(index);
  return std::move(large_[index]);
}

}  // namespace ortserve
