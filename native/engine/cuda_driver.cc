// SPDX-License-Identifier: Apache-2.0
#include "engine/cuda_driver.h"

#include <array>

#include "engine/gpu_uuid.h"

namespace ortserve {

namespace {

// Of cuda.h, which never changes what it has published.
using Error = int;   // CUresult
using Device = int;  // CUdevice
constexpr Error kSuccess = 0;
constexpr Error kNoDevice = 100;
constexpr int kMajor = 75;  // CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR
constexpr int kMinor = 76;

using Init = Error(unsigned);
using DriverGetVersion = Error(int*);
using DeviceGetCount = Error(int*);
using DeviceGet = Error(Device*, int);
using DeviceGetName = Error(char*, int, Device);
using DeviceGetAttribute = Error(int*, int, Device);
using DeviceTotalMem = Error(size_t*, Device);
using DeviceGetUuid = Error(unsigned char*, Device);
using GetErrorName = Error(Error, const char**);

struct Api {
  explicit Api(const SystemLibrary& library)
      : init(library.function<Init>("cuInit")),
        driver_version(library.function<DriverGetVersion>("cuDriverGetVersion")),
        count(library.function<DeviceGetCount>("cuDeviceGetCount")),
        get(library.function<DeviceGet>("cuDeviceGet")),
        name(library.function<DeviceGetName>("cuDeviceGetName")),
        attribute(library.function<DeviceGetAttribute>("cuDeviceGetAttribute")),
        memory(library.function<DeviceTotalMem>("cuDeviceTotalMem_v2")),
        uuid(library.function<DeviceGetUuid>("cuDeviceGetUuid")),
        error_name(library.function<GetErrorName>("cuGetErrorName")) {}

  bool complete() const noexcept { return init && driver_version && count && get && name && attribute && memory; }
  std::string text(Error error) const {
    const char* text = nullptr;
    if (error_name && error_name(error, &text) == kSuccess && text) return text;
    return "CUDA error " + std::to_string(error);
  }

  Init* init;
  DriverGetVersion* driver_version;
  DeviceGetCount* count;
  DeviceGet* get;
  DeviceGetName* name;
  DeviceGetAttribute* attribute;
  DeviceTotalMem* memory;
  DeviceGetUuid* uuid;
  GetErrorName* error_name;
};

CudaDevice describe(const Api& api, int ordinal) {
  CudaDevice found;
  Device device = 0;
  if (api.get(&device, ordinal) != kSuccess) return found;
  std::array<char, 256> name{};
  if (api.name(name.data(), static_cast<int>(name.size() - 1), device) == kSuccess) found.name = name.data();
  api.attribute(&found.major, kMajor, device);
  api.attribute(&found.minor, kMinor, device);
  size_t memory = 0;
  if (api.memory(&memory, device) == kSuccess) found.memory = memory;
  std::array<unsigned char, kGpuUuidBytes> uuid{};
  if (api.uuid && api.uuid(uuid.data(), device) == kSuccess) found.uuid = gpu_uuid_text(uuid);
  return found;
}

}  // namespace

Result<CudaDriver> CudaDriver::open(const std::string& name) {
  auto library = SystemLibrary::open(name);
  if (!library.ok()) return library.take_status();
  const Api api(*library);
  if (!api.complete()) return {Code::kLibraryUnavailable, "'" + name + "' is no CUDA driver: functions are missing"};
  CudaDriver driver;
  api.driver_version(&driver.version_);  // works without a device
  int count = 0;
  Error error = api.init(0);
  if (error == kSuccess) error = api.count(&count);
  if (error == kNoDevice || (error == kSuccess && count == 0)) {
    return {Code::kProviderUnavailable, "the CUDA driver sees no device (CUDA_ERROR_NO_DEVICE)"};
  }
  if (error != kSuccess) return {Code::kProviderUnavailable, "the CUDA driver does not start: " + api.text(error)};
  for (int ordinal = 0; ordinal < count; ++ordinal) driver.devices_.push_back(describe(api, ordinal));
  return driver;
}

std::string cuda_version_text(int version) {
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

}  // namespace ortserve
