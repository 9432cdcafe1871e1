// SPDX-License-Identifier: Apache-2.0
// Memory that worker threads write replies into and JavaScript reads them from: the one copy out of a wire request.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

namespace ortserve {

/// Chunks of 1 MiB, filled from the front and reused when every reply in them was read. A reply that is too large gets
/// memory of its own. Thread-safe. Chunks are shared pointers, because JavaScript and workers may each outlive the
/// other.
class ReplySlab {
 public:
  static constexpr size_t kChunkBytes = 1u << 20;
  static constexpr size_t kLargestInChunk = kChunkBytes / 4;  ///< bounds what the end of a chunk wastes
  static constexpr size_t kIdleChunks = 4;                    ///< kept for reuse; the rest go back to the system
  static constexpr uint32_t kLarge = UINT32_MAX;              ///< `slab` of a reply with its own memory

  using Memory = std::shared_ptr<std::byte[]>;

  /// Room for one reply. `data` null: memory is short.
  struct Place {
    std::byte* data = nullptr;
    uint32_t slab = 0;    ///< chunk index, or kLarge
    uint32_t offset = 0;  ///< in the chunk; for kLarge the index for take_large()
    size_t bound = 0;
  };

  /// Reserves `bound` bytes, or less than 4 GiB of own memory. Any thread.
  Place acquire(size_t bound) noexcept;
  /// Says how many bytes were written, so that the rest, where it is worth a lock, serves the next reply. Any thread.
  void commit(const Place& place, size_t used) noexcept;
  /// So many replies in chunk `slab` were read. Returns the indices of chunks that were given up: their memory must no
  /// longer be shown under that index.
  std::vector<uint32_t> release(uint32_t slab, uint32_t replies);
  /// Throws away a reply that will not be read, wherever it is.
  void discard(const Place& place) noexcept;

  Memory chunk(uint32_t slab) const;
  /// Hands the memory of a large reply over; its index may then be used again.
  Memory take_large(uint32_t index);

 private:
  struct Chunk {
    Memory memory;
    size_t top = 0;
    uint32_t unread = 0;
  };
  static constexpr uint32_t kNone = UINT32_MAX;

  bool next_chunk();  // mutex_ held
  Place acquire_large(size_t bound);
  void release_locked(uint32_t slab, uint32_t replies, std::vector<uint32_t>* given_up);

  mutable std::mutex mutex_;
  std::vector<Chunk> chunks_;     // by index; memory null where given up
  std::vector<uint32_t> idle_;    // chunks without unread replies, but for current_
  std::vector<uint32_t> vacant_;  // indices of chunks_ without memory
  uint32_t current_ = kNone;
  std::vector<Memory> large_;
  std::vector<uint32_t> free_large_;
};

}  // namespace ortserve
