// SPDX-License-Identifier: Apache-2.0
#include "engine/host_pool.h"

#include <cstdint>
#include <utility>

namespace ortserve {

HostPool::HostPool(std::shared_ptr<Ort::Session> session, Ort::MemoryInfo info)
    : session_(std::move(session)),
      info_(std::move(info)),
      allocator_(*session_, info_),
      pool_(BufferPool::Limits{}, this) {}

Result<std::shared_ptr<HostPool>> HostPool::create(std::shared_ptr<Ort::Session> session, Ort::MemoryInfo info) {
  return guarded(Code::kProviderUnavailable, [&]() -> Result<std::shared_ptr<HostPool>> {
    std::shared_ptr<HostPool> pool(new HostPool(std::move(session), std::move(info)));
    pool->pool_.kept_by(pool);
    return pool;
  });
}

void* HostPool::allocate(size_t size) noexcept {
  OrtAllocator* const allocator = allocator_;
  try {  // a C interface, behind which allocators throw
    void* const memory = allocator->Alloc(allocator, size);
    if (reinterpret_cast<uintptr_t>(memory) % kBufferAlignment == 0) return memory;
    allocator->Free(allocator, memory);
  } catch (...) {
  }
  return nullptr;
}

void HostPool::release(void* memory) noexcept {
  OrtAllocator* const allocator = allocator_;
  allocator->Free(allocator, memory);
}

}  // namespace ortserve
