// SPDX-License-Identifier: Apache-2.0
// A libnvidia-ml of two GPUs, the second of which tells no more than it must. FAKE_NVML in the environment bends it:
// "broken" does not start, "lost" has lost its first GPU.
#include <cstdlib>
#include <cstring>
#include <string_view>

#define FAKE extern "C" __attribute__((visibility("default")))

namespace {

constexpr int kNotSupported = 3;
constexpr int kLost = 15;

bool is(std::string_view mode) {
  const char* const value = std::getenv("FAKE_NVML");
  return value && mode == value;
}

// Handles are 1 and 2.
bool is_first(void* device) {
  return reinterpret_cast<std::size_t>(device) == 1;
}

int write(char* target, unsigned size, const char* text) {
  std::strncpy(target, text, size);
  return 0;
}

}  // namespace

FAKE int nvmlInit_v2() {
  return is("broken") ? 9 : 0;
}
FAKE int nvmlSystemGetDriverVersion(char* text, unsigned size) {
  return write(text, size, "580.65.06");
}
FAKE int nvmlSystemGetCudaDriverVersion_v2(int* version) {
  *version = 13000;
  return 0;
}
FAKE int nvmlDeviceGetCount_v2(unsigned* count) {
  *count = 2;
  return 0;
}
FAKE int nvmlDeviceGetHandleByIndex_v2(unsigned index, void** device) {
  if (is("lost") && index == 0) return kLost;
  *device = reinterpret_cast<void*>(static_cast<std::size_t>(index + 1));
  return 0;
}
FAKE int nvmlDeviceGetName(void* device, char* text, unsigned size) {
  return write(text, size, is_first(device) ? "NVIDIA H100" : "NVIDIA T4");
}
FAKE int nvmlDeviceGetUUID(void* device, char* text, unsigned size) {
  return is_first(device) ? write(text, size, "GPU-00010203-0405-0607-0809-0a0b0c0d0e0f") : kNotSupported;
}
FAKE int nvmlDeviceGetCudaComputeCapability(void* device, int* major, int* minor) {
  *major = is_first(device) ? 9 : 7;
  *minor = is_first(device) ? 0 : 5;
  return 0;
}
FAKE int nvmlDeviceGetMemoryInfo(void* device, unsigned long long* memory) {
  memory[0] = is_first(device) ? 80ull << 30 : 16ull << 30;
  memory[2] = 1ull << 30;
  memory[1] = memory[0] - memory[2];
  return 0;
}
FAKE int nvmlDeviceGetUtilizationRates(void* device, unsigned* rates) {
  if (!is_first(device)) return kNotSupported;
  rates[0] = 75;
  rates[1] = 40;
  return 0;
}
FAKE int nvmlDeviceGetPowerUsage(void* device, unsigned* milliwatts) {
  *milliwatts = 350500;
  return is_first(device) ? 0 : kNotSupported;
}
FAKE int nvmlDeviceGetTemperature(void*, unsigned, unsigned* degrees) {
  *degrees = 41;
  return 0;
}
