// SPDX-License-Identifier: Apache-2.0
#include "addon/device_calls.h"

#include <array>
#include <filesystem>
#include <string>
#include <vector>

#include "addon/environment.h"
#include "addon/js_build.h"
#include "addon/js_promise.h"
#include "addon/js_read.h"
#include "addon/process_engine.h"
#include "core/transform/kernels.h"
#include "engine/cuda_driver.h"
#include "engine/nvml.h"
#include "engine/provider_check.h"
#include "engine/provider_options.h"

namespace ortserve {

namespace {

std::string_view kind_name(OptionType type) noexcept {
  static constexpr std::array<std::string_view, 4> kNames = {"boolean", "integer", "choice", "text"};
  return kNames[static_cast<size_t>(type)];
}

struct ProviderTable {
  std::string_view provider;
  std::span<const OptionSpec> options;
  const ProviderSettings& presets;
};

napi_value option_to_js(napi_env env, const ProviderTable& table, const OptionSpec& spec) {
  const auto preset = table.presets.find(std::string(spec.key));
  JsObject object(env);
  object.set("provider", table.provider)
      .set("key", spec.key)
      .set("kind", kind_name(spec.type))
      .set("doc", spec.doc)
      .set("choices", spec.choices)
      .set("preset", preset == table.presets.end() ? std::string_view() : preset->second)
      .set_bool("settable", spec.setter != OptionSetter::kManaged);
  if (spec.type == OptionType::kInt) {
    object.set("min", static_cast<double>(spec.min));
    if (spec.max != INT64_MAX) object.set("max", static_cast<double>(spec.max));
  }
  return object.value();
}

napi_value gpu_to_js(napi_env env, const GpuState& gpu) {
  return JsObject(env)
      .set("index", gpu.index)
      .set("name", gpu.name)
      .set("uuid", gpu.uuid)
      .set("computeCapability",
           gpu.major < 0 ? std::string() : std::to_string(gpu.major) + "." + std::to_string(gpu.minor))
      .set("memoryTotal", static_cast<double>(gpu.memory_total))
      .set("memoryUsed", static_cast<double>(gpu.memory_used))
      .set("utilization", gpu.utilization)
      .set("memoryUtilization", gpu.memory_utilization)
      .set("powerWatts", gpu.power_watts)
      .set("powerLimitWatts", gpu.power_limit_watts)
      .set("temperature", gpu.temperature)
      .value();
}

napi_value gpus_to_js(napi_env env, const std::vector<GpuState>& gpus) {
  return js_array_of(env, gpus, [env](const GpuState& gpu) { return gpu_to_js(env, gpu); });
}

napi_value faults_to_js(napi_env env, const std::vector<ProviderFault>& faults) {
  return js_array_of(env, faults, [env](const ProviderFault& fault) {
    return JsObject(env).set("library", fault.library).set("what", fault.what).set("remedy", fault.remedy).value();
  });
}

napi_value check_to_js(napi_env env, const ProviderCheck& check) {
  return JsObject(env)
      .set("name", check.provider)
      .set_bool("usable", check.usable())
      .set("cudaMajor", check.cuda_major)
      .set("faults", faults_to_js(env, check.faults))
      .set("warnings", faults_to_js(env, check.warnings))
      .value();
}

}  // namespace

napi_value call_devices(napi_env env, napi_callback_info info) {
  return entry(env, [&] {
    const CallArguments<1> arguments(env, info);
    const std::string folder = read_string(env, arguments[0], "folder");
    const std::filesystem::path path = std::u8string(folder.begin(), folder.end());
    const std::array<std::string, 3> names = {"tensorrt", "cuda", "cpu"};
    const Nvml* const nvml = system_nvml();
    return JsObject(env)
        .set("kernels", kernels().name)
        .set("cores", usable_cores())
        .set("driver", nvml ? nvml->driver_version() : std::string())
        .set("driverCuda", nvml ? cuda_version_text(nvml->cuda_version()) : std::string())
        .set("gpus", gpus_to_js(env, nvml ? nvml->read() : std::vector<GpuState>()))
        .set("providers",
             js_array_of(env, names, [&](const auto& name) { return check_to_js(env, provider_check(name, path)); }))
        .value();
  });
}

napi_value call_gpus(napi_env env, napi_callback_info info) {
  return entry(env, [&] {
    const CallArguments<0> arguments(env, info);
    const JsPromise promise(env, Environment::of(arguments.data)->shared_completions());
    const auto answer = [settle = promise.settler()] {
      const Nvml* const nvml = system_nvml();
      settle([gpus = nvml ? nvml->read() : std::vector<GpuState>()](napi_env js) { return gpus_to_js(js, gpus); });
    };
    if (ProcessEngine::instance().running()) {
      ProcessEngine::instance().post(answer);
    } else {
      answer();
    }
    return promise.value();
  });
}

napi_value call_provider_options(napi_env env, napi_callback_info) {
  return entry(env, [&] {
    const std::array<ProviderTable, 2> tables = {
        {{"cuda", cuda_option_table(), cuda_defaults()}, {"tensorrt", tensorrt_option_table(), tensorrt_defaults()}}};
    const napi_value all = js_array(env, 0);
    size_t index = 0;
    for (const ProviderTable& table : tables) {
      for (const OptionSpec& spec : table.options) set_element(env, all, index++, option_to_js(env, table, spec));
    }
    return all;
  });
}

}  // namespace ortserve
