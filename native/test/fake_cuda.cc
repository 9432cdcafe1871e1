// SPDX-License-Identifier: Apache-2.0
// A CUDA driver. FAKE_CUDA in the environment bends it: "none" has no device, "broken" does not start.
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string_view>

#define FAKE extern "C" __attribute__((visibility("default")))

namespace {

bool is(std::string_view mode) {
  const char* const value = std::getenv("FAKE_CUDA");
  return value && mode == value;
}

}  // namespace

FAKE int cuInit(unsigned) {
  return is("none") ? 100 : is("broken") ? 803 : 0;
}
FAKE int cuDriverGetVersion(int* version) {
  *version = 13000;
  return 0;
}
FAKE int cuDeviceGetCount(int* count) {
  *count = 1;
  return 0;
}
FAKE int cuDeviceGet(int* device, int ordinal) {
  *device = ordinal;
  return 0;
}
FAKE int cuDeviceGetName(char* text, int size, int) {
  std::strncpy(text, "NVIDIA H100", static_cast<size_t>(size));
  return 0;
}
FAKE int cuDeviceGetAttribute(int* value, int attribute, int) {
  *value = attribute == 75 ? 9 : 0;
  return 0;
}
FAKE int cuDeviceTotalMem_v2(size_t* bytes, int) {
  *bytes = size_t{80} << 30;
  return 0;
}
FAKE int cuDeviceGetUuid(unsigned char* uuid, int) {
  for (unsigned char i = 0; i < 16; ++i) uuid[i] = i;
  return 0;
}
FAKE int cuGetErrorName(int error, const char** name) {
  *name = error == 803 ? "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH" : "CUDA_ERROR_UNKNOWN";
  return 0;
}

// Its device memory is the host's, but for the null pointer, which is out of memory.
FAKE int cuDevicePrimaryCtxRetain(void** context, int device) {
  *context = nullptr;
  return device == 0 ? 0 : 101;
}
FAKE int cuCtxSetCurrent(void*) {
  return 0;
}
FAKE int cuMemcpyHtoD_v2(unsigned long long device, const void* host, size_t size) {
  if (device == 0) return 2;
  std::memcpy(reinterpret_cast<void*>(device), host, size);
  return 0;
}
FAKE int cuMemcpyDtoH_v2(void* host, unsigned long long device, size_t size) {
  std::memcpy(host, reinterpret_cast<const void*>(device), size);
  return 0;
}
FAKE int cuStreamSynchronize(void*) {
  return 0;
}
