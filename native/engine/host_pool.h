// SPDX-License-Identifier: Apache-2.0
// Host memory that a session's device reads and writes directly: for CUDA, page-locked memory of ONNX Runtime's own
// allocator. A copy from or to it is one transfer; a copy from elsewhere goes through the driver's staging buffer
// first.
#pragma once

#include <memory>

#include "core/buffer_pool.h"
#include "core/status.h"
#include "engine/ort_api.h"

namespace ortserve {

/// Thread-safe. Every buffer of its pool keeps it, and with it the session whose allocator it uses, alive.
class HostPool final : public BlockMemory {
 public:
  /// `info`: "CudaPinned" of the session's device, or "Cpu". kProviderUnavailable: the session has no such allocator.
  static Result<std::shared_ptr<HostPool>> create(std::shared_ptr<Ort::Session> session, Ort::MemoryInfo info);

  BufferPool& pool() noexcept { return pool_; }
  const OrtMemoryInfo* memory() const noexcept { return info_; }
  bool owns(const Buffer& buffer) const noexcept { return buffer.pool() == &pool_; }

  void* allocate(size_t size) noexcept override;
  void release(void* memory) noexcept override;

 private:
  HostPool(std::shared_ptr<Ort::Session> session, Ort::MemoryInfo info);

  const std::shared_ptr<Ort::Session> session_;  // outlives the allocator
  const Ort::MemoryInfo info_;
  const Ort::Allocator allocator_;
  BufferPool pool_;
};

}  // namespace ortserve
