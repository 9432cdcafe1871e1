// SPDX-License-Identifier: Apache-2.0
// Reference-counted byte buffers and the pool that recycles them.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "core/status.h"

namespace ortserve {

inline constexpr size_t kBufferAlignment = 64;  // bytes: a cache line, and the widest vector register

class BufferPool;

namespace internal {
struct Block;  // one allocation (or one lent region) with its reference count
}

/// A shared view of bytes: copying shares, the last owner returns the memory. Safe to hand between threads; the bytes
/// themselves are not synchronised. Default-constructed: empty, owns nothing.
class Buffer {
 public:
  Buffer() noexcept = default;
  Buffer(const Buffer& other) noexcept;
  Buffer(Buffer&& other) noexcept;
  Buffer& operator=(Buffer other) noexcept;
  ~Buffer();

  /// Wraps memory owned by somebody else. `release` runs once, on whichever thread drops the last reference.
  static Buffer lend(std::byte* data, size_t size, std::function<void()> release);

  /// `bytes` in memory of their own size, which no pool counts, aligned for every element type but not for vectors;
  /// empty when memory is short.
  static Buffer copy_of(std::span<const std::byte> bytes) noexcept;

  std::byte* data() const noexcept { return data_; }
  size_t size() const noexcept { return size_; }  ///< bytes
  bool empty() const noexcept { return size_ == 0; }
  /// Whose memory it is; null: none's, or lent.
  const BufferPool* pool() const noexcept;

  /// Bytes [offset, offset + size) of this buffer, sharing its memory. The range must lie inside.
  Buffer slice(size_t offset, size_t size) const noexcept;

  template <typename T>
  T* as() const noexcept {
    return reinterpret_cast<T*>(data_);
  }

 private:
  friend class BufferPool;
  Buffer(internal::Block* block, std::byte* data, size_t size) noexcept : block_(block), data_(data), size_(size) {}

  internal::Block* block_ = nullptr;
  std::byte* data_ = nullptr;
  size_t size_ = 0;
};

/// Where a pool's blocks come from, when that is not the heap: memory that a device reads directly, for one.
class BlockMemory {
 public:
  virtual ~BlockMemory() = default;
  /// At least `size` bytes, 64-byte aligned; null when there is no more. Thread-safe, as release() is.
  virtual void* allocate(size_t size) noexcept = 0;
  virtual void release(void* memory) noexcept = 0;
};

/// Recycles 64-byte-aligned blocks by size class (four classes per doubling, so at most 25 % is wasted). Thread-safe.
class BufferPool {
 public:
  struct Limits {
    uint64_t max_live_bytes = UINT64_MAX;        ///< acquire() beyond this fails with kOutOfMemory
    uint64_t max_retained_bytes = 256ull << 20;  ///< idle blocks kept for reuse; the rest go back to the system
  };
  struct Stats {
    uint64_t live_bytes = 0;  ///< handed out now
    uint64_t peak_live_bytes = 0;
    uint64_t retained_bytes = 0;  ///< idle, kept for reuse
    uint64_t acquired = 0;        ///< acquire() calls that succeeded
    uint64_t reused = 0;          ///< of those, served without allocating
    uint64_t refused = 0;         ///< acquire() calls that failed
  };

  /// `memory`: null for the heap; it outlives the pool.
  explicit BufferPool(Limits limits, BlockMemory* memory = nullptr) noexcept;
  ~BufferPool();  ///< every Buffer must be gone
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;

  /// A block of at least `size` bytes, 64-byte aligned, uninitialised, whose view is exactly `size` long.
  Result<Buffer> acquire(size_t size) noexcept;

  /// From now on every Buffer that is handed out keeps `owner` alive, of which the pool is a part: its buffers may then
  /// outlive everybody else who holds it. Call it before the first acquire().
  void kept_by(std::weak_ptr<void> owner) noexcept { owner_ = std::move(owner); }

  /// Frees all retained blocks.
  void trim() noexcept;
  Stats stats() const noexcept;

 private:
  friend struct internal::Block;
  friend class Buffer;
  void release(internal::Block* block) noexcept;
  internal::Block* allocate(size_t capacity) noexcept;
  void free(internal::Block* block) noexcept;

  static constexpr int kClasses = 4 * 40;
  Limits limits_;
  BlockMemory* const memory_;
  std::weak_ptr<void> owner_;
  mutable std::mutex mutex_;
  std::array<std::vector<internal::Block*>, kClasses> idle_;
  Stats stats_;
};

}  // namespace ortserve
