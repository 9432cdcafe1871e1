// SPDX-License-Identifier: Apache-2.0
// Copies to and from memory at fixed device addresses, which ONNX Runtime's binding cannot refill: it copies an input
// into a new place each time it is bound.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "core/status.h"

namespace ortserve {

/// Thread-safe. A copy has ended when its call returns.
class DeviceCopy {
 public:
  virtual ~DeviceCopy() = default;
  /// Whether it also takes memory of the host, as the CPU's own does.
  virtual bool takes_host_memory() const noexcept { return false; }
  virtual Status to_device(void* device, const std::byte* host, size_t size) noexcept = 0;
  virtual Status to_host(std::byte* host, const void* device, size_t size) noexcept = 0;
};

/// Of the CPU as a device: plain copies.
std::unique_ptr<DeviceCopy> host_copy();

/// Of a CUDA device, through the driver, in the context that ONNX Runtime uses. kProviderUnavailable.
Result<std::unique_ptr<DeviceCopy>> cuda_copy(int device, const std::string& library = "libcuda.so.1");

}  // namespace ortserve
