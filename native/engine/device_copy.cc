// SPDX-License-Identifier: Apache-2.0
#include "engine/device_copy.h"

#include <cstdint>
#include <cstring>

#include "engine/shared_library.h"

namespace ortserve {

namespace {

class HostCopy final : public DeviceCopy {
 public:
  bool takes_host_memory() const noexcept override { return true; }
  Status to_device(void* device, const std::byte* host, size_t size) noexcept override {
    if (size > 0) std::memcpy(device, host, size);
    return {};
  }
  Status to_host(std::byte* host, const void* device, size_t size) noexcept override {
    if (size > 0) std::memcpy(host, device, size);
    return {};
  }
};

// Of cuda.h.
using Error = int;
using DevicePointer = uint64_t;
constexpr Error kSuccess = 0;
constexpr Error kOutOfMemory = 2;

struct CopyApi {
  explicit CopyApi(const SystemLibrary& library)
      : init(library.function<Error(unsigned)>("cuInit")),
        device(library.function<Error(int*, int)>("cuDeviceGet")),
        retain(library.function<Error(void**, int)>("cuDevicePrimaryCtxRetain")),
        set_current(library.function<Error(void*)>("cuCtxSetCurrent")),
        to_device(library.function<Error(DevicePointer, const void*, size_t)>("cuMemcpyHtoD_v2")),
        to_host(library.function<Error(void*, DevicePointer, size_t)>("cuMemcpyDtoH_v2")),
        wait(library.function<Error(void*)>("cuStreamSynchronize")) {}

  bool complete() const noexcept { return init && device && retain && set_current && to_device && to_host && wait; }

  Error (*init)(unsigned);
  Error (*device)(int*, int);
  Error (*retain)(void**, int);
  Error (*set_current)(void*);
  Error (*to_device)(DevicePointer, const void*, size_t);
  Error (*to_host)(void*, DevicePointer, size_t);
  Error (*wait)(void*);
};

class CudaCopy final : public DeviceCopy {
 public:
  CudaCopy(const CopyApi& api, void* context) : api_(api), context_(context) {}

  Status to_device(void* device, const std::byte* host, size_t size) noexcept override {
    if (size == 0) return {};
    Error error = api_.set_current(context_);  // a worker may never have used the device before
    if (error == kSuccess) error = api_.to_device(reinterpret_cast<DevicePointer>(device), host, size);
    // From pageable memory the call may return when the driver has its own copy, before the device has.
    if (error == kSuccess) error = api_.wait(nullptr);
    return outcome(error, "to", size);
  }
  Status to_host(std::byte* host, const void* device, size_t size) noexcept override {
    if (size == 0) return {};
    Error error = api_.set_current(context_);
    if (error == kSuccess) error = api_.to_host(host, reinterpret_cast<DevicePointer>(device), size);
    return outcome(error, "from", size);
  }

 private:
  static Status outcome(Error error, const char* direction, size_t size) {
    if (error == kSuccess) return {};
    return {error == kOutOfMemory ? Code::kOutOfMemory : Code::kRunFailed,
            "copying " + std::to_string(size) + " bytes " + direction + " the CUDA device failed: CUDA error " +
                std::to_string(error)};
  }

  const CopyApi api_;
  void* const context_;  // the primary one, never given back: ONNX Runtime holds it for as long
};

}  // namespace

std::unique_ptr<DeviceCopy> host_copy() {
  return std::make_unique<HostCopy>();
}

Result<std::unique_ptr<DeviceCopy>> cuda_copy(int device, const std::string& name) {
  auto library = SystemLibrary::open(name);
  if (!library.ok()) return {Code::kProviderUnavailable, library.status().message()};
  const CopyApi api(*library);
  if (!api.complete()) return {Code::kProviderUnavailable, "'" + name + "' is no CUDA driver: functions are missing"};
  int handle = 0;
  void* context = nullptr;
  Error error = api.init(0);
  if (error == kSuccess) error = api.device(&handle, device);
  if (error == kSuccess) error = api.retain(&context, handle);
  if (error != kSuccess) {
    return {Code::kProviderUnavailable,
            "CUDA device " + std::to_string(device) + " cannot be used: CUDA error " + std::to_string(error)};
  }
  return std::unique_ptr<DeviceCopy>(std::make_unique<CudaCopy>(api, context));
}

}  // namespace ortserve
