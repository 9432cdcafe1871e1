// SPDX-License-Identifier: Apache-2.0
#include "core/buffer_pool.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>
#include <string>
#include <utility>

namespace ortserve {

namespace internal {

/// Sits in the 64 bytes before pooled memory and copies; for lent memory it stands alone. No member asks for more
/// alignment than any allocation has.
struct Block {
  std::atomic<uint32_t> references{1};
  int size_class = 0;
  size_t capacity = 0;                       // bytes after the header
  BufferPool* pool = nullptr;                // null: lent, or on its own
  std::function<void()>* release = nullptr;  // of lent memory
  std::shared_ptr<void> keep_alive;          // of a pool that has an owner; while handed out

  std::byte* data() noexcept { return reinterpret_cast<std::byte*>(this) + kBufferAlignment; }
  void retain() noexcept { references.fetch_add(1, std::memory_order_relaxed); }
  void drop() noexcept;
};
static_assert(sizeof(Block) <= kBufferAlignment && alignof(Block) <= alignof(std::max_align_t));

}  // namespace internal

using internal::Block;

namespace {

constexpr size_t kSmallest = 256;

struct SizeClass {
  int index;
  size_t capacity;
};

// 256, 320, 384, 448, 512, 640, ...: four steps per doubling.
SizeClass size_class_of(size_t size) noexcept {
  if (size <= kSmallest) return {0, kSmallest};
  const int exponent = std::bit_width(size - 1) - 1;  // 2^exponent < size <= 2^(exponent + 1)
  const size_t base = size_t{1} << exponent;
  const size_t step = base / 4;
  const size_t steps = (size - base + step - 1) / step;
  return {(exponent - 8) * 4 + static_cast<int>(steps), base + steps * step};
}

Block* allocate_block(size_t capacity) noexcept {
  void* memory = ::operator new (capacity + kBufferAlignment, std::align_val_t{kBufferAlignment}, std::nothrow);
  return memory ? new (memory) Block : nullptr;
}

void free_block(Block* block) noexcept {
  block->~Block();
  ::operator delete (block, std::align_val_t{kBufferAlignment});
}

// As the C library gives it: aligned memory costs it several times as much, and of it no thread keeps any at hand.
Block* allocate_unaligned(size_t capacity) noexcept {
  void* memory = ::operator new(capacity + kBufferAlignment, std::nothrow);
  return memory ? new (memory) Block : nullptr;
}

void free_unaligned(Block* block) noexcept {
  block->~Block();
  ::operator delete(block);
}

}  // namespace

void internal::Block::drop() noexcept {
  if (references.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  if (pool) {
    const auto owner = std::move(keep_alive);  // may hold the pool itself: dies last
    pool->release(this);
  } else if (release) {
    (*release)();
    delete release;
    delete this;
  } else {
    free_unaligned(this);
  }
}

Buffer::Buffer(const Buffer& other) noexcept : block_(other.block_), data_(other.data_), size_(other.size_) {
  if (block_) block_->retain();
}

Buffer::Buffer(Buffer&& other) noexcept
    : block_(std::exchange(other.block_, nullptr)),
      data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)) {}

Buffer& Buffer::operator=(Buffer other) noexcept {
  std::swap(block_, other.block_);
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

Buffer::~Buffer() {
  if (block_) block_->drop();
}

Buffer Buffer::lend(std::byte* data, size_t size, std::function<void()> release) {
  auto* block = new Block;
  block->release = new std::function<void()>(std::move(release));
  return {block, data, size};
}

Buffer Buffer::copy_of(std::span<const std::byte> bytes) noexcept {
  Block* const block = allocate_unaligned(bytes.size());
  if (block == nullptr) return {};
  if (!bytes.empty()) std::memcpy(block->data(), bytes.data(), bytes.size());
  return {block, block->data(), bytes.size()};
}

Buffer Buffer::slice(size_t offset, size_t size) const noexcept {
  assert(offset <= size_ && size <= size_ - offset);
  if (block_) block_->retain();
  return {block_, data_ + offset, size};
}

const BufferPool* Buffer::pool() const noexcept {
  return block_ ? block_->pool : nullptr;
}

BufferPool::BufferPool(Limits limits, BlockMemory* memory) noexcept : limits_(limits), memory_(memory) {}

BufferPool::~BufferPool() {
  trim();
}

Result<Buffer> BufferPool::acquire(size_t size) noexcept {
  constexpr size_t kLargest = size_t{1} << 46;
  const SizeClass wanted = size_class_of(std::min(size, kLargest));
  std::unique_lock lock(mutex_);
  const bool fits = size <= kLargest && wanted.capacity <= limits_.max_live_bytes - stats_.live_bytes;
  Block* block = nullptr;
  auto& idle = idle_[static_cast<size_t>(wanted.index)];
  if (fits && !idle.empty()) {
    block = idle.back();
    idle.pop_back();
    stats_.retained_bytes -= wanted.capacity;
    ++stats_.reused;
  } else if (fits) {
    stats_.live_bytes += wanted.capacity;  // reserved while the lock is open
    lock.unlock();
    block = allocate(wanted.capacity);
    lock.lock();
    stats_.live_bytes -= wanted.capacity;
  }
  if (!block) {
    ++stats_.refused;
    return {Code::kOutOfMemory, "cannot get a buffer of " + std::to_string(size) +
                                    " bytes: " + std::to_string(stats_.live_bytes) + " of at most " +
                                    std::to_string(limits_.max_live_bytes) + " bytes are in use"};
  }
  ++stats_.acquired;
  stats_.live_bytes += wanted.capacity;
  stats_.peak_live_bytes = std::max(stats_.peak_live_bytes, stats_.live_bytes);
  lock.unlock();
  block->references.store(1, std::memory_order_relaxed);
  block->capacity = wanted.capacity;
  block->size_class = wanted.index;
  block->pool = this;
  block->keep_alive = owner_.lock();
  return Buffer(block, block->data(), size);
}

void BufferPool::release(Block* block) noexcept {
  std::unique_lock lock(mutex_);
  stats_.live_bytes -= block->capacity;
  if (stats_.retained_bytes + block->capacity <= limits_.max_retained_bytes) {
    stats_.retained_bytes += block->capacity;
    idle_[static_cast<size_t>(block->size_class)].push_back(block);
    return;
  }
  lock.unlock();
  free(block);
}

Block* BufferPool::allocate(size_t capacity) noexcept {
  if (!memory_) return allocate_block(capacity);
  void* const memory = memory_->allocate(capacity + kBufferAlignment);
  return memory ? new (memory) Block : nullptr;
}

void BufferPool::free(Block* block) noexcept {
  if (!memory_) return free_block(block);
  block->~Block();
  memory_->release(block);
}

void BufferPool::trim() noexcept {
  const std::lock_guard lock(mutex_);
  for (auto& idle : idle_) {
    for (Block* block : idle) free(block);
    idle.clear();
    idle.shrink_to_fit();
  }
  stats_.retained_bytes = 0;
}

BufferPool::Stats BufferPool::stats() const noexcept {
  const std::lock_guard lock(mutex_);
  return stats_;
}

}  // namespace ortserve
