// SPDX-License-Identifier: Apache-2.0
#include "engine/nvml.h"

#include <array>
#include <optional>

namespace ortserve {

namespace {

// Of nvml.h.
using Return = int;
using Device = void*;
constexpr Return kSuccess = 0;
constexpr unsigned kTemperatureGpu = 0;
constexpr unsigned kTextSize = 96;

struct Memory {
  unsigned long long total, free, used;
};
struct Utilization {
  unsigned gpu, memory;  // percent
};

}  // namespace

struct Nvml::Api {
  explicit Api(const SystemLibrary& library)
      : init(library.function<Return()>("nvmlInit_v2")),
        driver(library.function<Return(char*, unsigned)>("nvmlSystemGetDriverVersion")),
        cuda(library.function<Return(int*)>("nvmlSystemGetCudaDriverVersion_v2")),
        count(library.function<Return(unsigned*)>("nvmlDeviceGetCount_v2")),
        by_index(library.function<Return(unsigned, Device*)>("nvmlDeviceGetHandleByIndex_v2")),
        name(library.function<Return(Device, char*, unsigned)>("nvmlDeviceGetName")),
        uuid(library.function<Return(Device, char*, unsigned)>("nvmlDeviceGetUUID")),
        capability(library.function<Return(Device, int*, int*)>("nvmlDeviceGetCudaComputeCapability")),
        memory(library.function<Return(Device, Memory*)>("nvmlDeviceGetMemoryInfo")),
        utilization(library.function<Return(Device, Utilization*)>("nvmlDeviceGetUtilizationRates")),
        power(library.function<Return(Device, unsigned*)>("nvmlDeviceGetPowerUsage")),
        power_limit(library.function<Return(Device, unsigned*)>("nvmlDeviceGetEnforcedPowerLimit")),
        temperature(library.function<Return(Device, unsigned, unsigned*)>("nvmlDeviceGetTemperature")) {}

  bool complete() const noexcept { return init && count && by_index && name && memory; }

  Return (*init)();
  Return (*driver)(char*, unsigned);
  Return (*cuda)(int*);
  Return (*count)(unsigned*);
  Return (*by_index)(unsigned, Device*);
  Return (*name)(Device, char*, unsigned);
  Return (*uuid)(Device, char*, unsigned);
  Return (*capability)(Device, int*, int*);
  Return (*memory)(Device, Memory*);
  Return (*utilization)(Device, Utilization*);
  Return (*power)(Device, unsigned*);
  Return (*power_limit)(Device, unsigned*);
  Return (*temperature)(Device, unsigned, unsigned*);
};

namespace {

using Text = std::array<char, kTextSize>;

void read_identity(const Nvml::Api& api, Device device, GpuState& state) {
  Text text{};
  if (api.name(device, text.data(), kTextSize) == kSuccess) state.name = text.data();
  if (api.uuid && api.uuid(device, text.data(), kTextSize) == kSuccess) state.uuid = text.data();
  int major = 0;
  int minor = 0;
  if (!api.capability || api.capability(device, &major, &minor) != kSuccess) return;
  state.major = major;
  state.minor = minor;
}

void read_load(const Nvml::Api& api, Device device, GpuState& state) {
  if (Memory memory{}; api.memory(device, &memory) == kSuccess) {
    state.memory_total = static_cast<int64_t>(memory.total);
    state.memory_used = static_cast<int64_t>(memory.used);
  }
  if (Utilization busy{}; api.utilization && api.utilization(device, &busy) == kSuccess) {
    state.utilization = busy.gpu / 100.0;
    state.memory_utilization = busy.memory / 100.0;
  }
  unsigned number = 0;
  if (api.power && api.power(device, &number) == kSuccess) state.power_watts = number / 1000.0;
  if (api.power_limit && api.power_limit(device, &number) == kSuccess) state.power_limit_watts = number / 1000.0;
  if (api.temperature && api.temperature(device, kTemperatureGpu, &number) == kSuccess) {
    state.temperature = static_cast<int>(number);
  }
}

}  // namespace

Result<Nvml> Nvml::open(const std::string& name) {
  auto library = SystemLibrary::open(name);
  if (!library.ok()) return library.take_status();
  const auto api = std::make_shared<const Api>(*library);
  Nvml nvml(api);
  if (!api->complete()) return {Code::kLibraryUnavailable, "'" + name + "' is too old: functions are missing"};
  if (const Return error = api->init(); error != kSuccess) {
    return {Code::kLibraryUnavailable, "NVML does not start: error " + std::to_string(error)};
  }
  Text text{};
  if (api->driver && api->driver(text.data(), kTextSize) == kSuccess) nvml.driver_ = text.data();
  if (api->cuda) api->cuda(&nvml.cuda_);
  return nvml;
}

std::vector<GpuState> Nvml::read() const {
  std::vector<GpuState> states;
  unsigned count = 0;
  if (api_->count(&count) != kSuccess) return states;
  for (unsigned index = 0; index < count; ++index) {
    GpuState& state = states.emplace_back();
    state.index = static_cast<int>(index);
    Device device = nullptr;
    if (api_->by_index(index, &device) != kSuccess) continue;  // lost
    read_identity(*api_, device, state);
    read_load(*api_, device, state);
  }
  return states;
}

const Nvml* system_nvml() {
  static const Nvml* const nvml = [] {
    auto opened = Nvml::open();
    return opened.ok() ? new Nvml(std::move(*opened)) : nullptr;
  }();
  return nvml;
}

}  // namespace ortserve
