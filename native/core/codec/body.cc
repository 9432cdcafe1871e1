// SPDX-License-Identifier: Apache-2.0
#include "core/codec/body.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

namespace ortserve {

namespace {

Status too_large(size_t max_size) {
  return {Code::kLimitExceeded, "the body is larger than the limit of " + std::to_string(max_size) + " bytes"};
}

}  // namespace

Result<BodyBuffer> BodyBuffer::create(BufferPool& pool, size_t expected_size, size_t json_size, size_t max_size) {
  if (expected_size > max_size) return too_large(max_size);
  const size_t lead = (kBufferAlignment - json_size % kBufferAlignment) % kBufferAlignment;
  BodyBuffer body(pool, lead, max_size);
  Status status = body.grow(expected_size);
  if (!status.ok()) return status;
  return body;
}

Status BodyBuffer::append(std::span<const std::byte> chunk) {
  if (chunk.size() > max_size_ - size_) return too_large(max_size_);
  const size_t size = size_ + chunk.size();
  if (lead_ + size + kJsonPadding > storage_.size()) {
    ORTSERVE_RETURN_IF_ERROR(grow(std::min(std::max(size, 2 * size_), max_size_)));
  }
  if (!chunk.empty()) std::memcpy(storage_.data() + lead_ + size_, chunk.data(), chunk.size());
  size_ = size;
  return {};
}

Buffer BodyBuffer::take() noexcept {
  Buffer body = storage_.slice(lead_, size_);
  storage_ = Buffer();
  size_ = 0;
  return body;
}

Status BodyBuffer::grow(size_t size) {
  if (size > SIZE_MAX - lead_ - kJsonPadding) return too_large(max_size_);
  auto larger = pool_->acquire(lead_ + size + kJsonPadding);
  if (!larger.ok()) return larger.take_status();
  if (size_) std::memcpy(larger->data() + lead_, storage_.data() + lead_, size_);
  storage_ = std::move(*larger);
  return {};
}

}  // namespace ortserve
