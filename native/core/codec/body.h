// SPDX-License-Identifier: Apache-2.0
// Collects a request body so that JSON can be parsed and tensors read in place.
#pragma once

#include <cstddef>
#include <span>

#include "core/buffer_pool.h"

namespace ortserve {

/// Bytes simdjson may read past the end of the text it parses.
inline constexpr size_t kJsonPadding = 64;

/// One body, in one buffer, copied once from the socket. With `json_size` known, the buffer starts at such an offset
/// that byte `json_size` (the first tensor blob) is 64-byte aligned: blobs are then read where they lie.
class BodyBuffer {
 public:
  /// `expected_size`: bytes to come when known (Content-Length), else 0. `json_size`: length of the leading JSON of a
  /// binary request, else 0. `max_size`: append() beyond this fails with kLimitExceeded.
  static Result<BodyBuffer> create(BufferPool& pool, size_t expected_size, size_t json_size, size_t max_size);

  Status append(std::span<const std::byte> chunk);
  size_t size() const noexcept { return size_; }

  /// The collected bytes; kJsonPadding readable bytes follow them. The BodyBuffer is empty afterwards.
  Buffer take() noexcept;

 private:
  BodyBuffer(BufferPool& pool, size_t lead, size_t max_size) : pool_(&pool), lead_(lead), max_size_(max_size) {}
  Status grow(size_t size);

  BufferPool* pool_;
  size_t lead_;  // bytes before the body that bring the blobs to alignment
  size_t max_size_;
  size_t size_ = 0;
  Buffer storage_;
};

}  // namespace ortserve
