// SPDX-License-Identifier: Apache-2.0
#include "engine/tensorrt_setup.h"

#include <charconv>

#include "core/model_digest.h"
#include "engine/engine_cache.h"
#include "engine/trt_profile.h"

namespace ortserve {

namespace {

namespace fs = std::filesystem;

size_t device_of(const ProviderSettings& settings) {
  size_t device = 0;
  if (const auto found = settings.find("device_id"); found != settings.end()) {
    std::from_chars(found->second.data(), found->second.data() + found->second.size(), device);
  }
  return device;
}

Result<fs::path> engines_of(const SessionConfig& config, const TensorrtMachine& machine,
                            const ProviderSettings& settings) {
  auto version = machine.tensorrt_version();
  if (!version.ok()) return version.take_status();
  auto device = machine.device(device_of(settings));
  if (!device.ok()) return device.take_status();
  const fs::path model = std::u8string(config.model_path.begin(), config.model_path.end());
  auto digest = digest_model(model, "");
  if (!digest.ok()) return digest.take_status();
  const fs::path root = std::u8string(config.engine_cache.begin(), config.engine_cache.end());
  return prepare_engine_folder(root, engine_folder({.model = *digest,
                                                    .ort_version = machine.ort_version,
                                                    .tensorrt_version = *version,
                                                    .gpu = device->name,
                                                    .major = device->major,
                                                    .minor = device->minor,
                                                    .settings = settings}));
}

}  // namespace

TensorrtMachine TensorrtMachine::here(std::string ort_version) {
  return {.ort_version = std::move(ort_version),
          .tensorrt_version = [] { return ortserve::tensorrt_version(); },
          .device = [](size_t device) -> Result<CudaDevice> {
            auto driver = CudaDriver::open();
            if (!driver.ok()) return driver.take_status();
            if (device < driver->devices().size()) return driver->devices()[device];
            return {Code::kProviderUnavailable, "there is no CUDA device " + std::to_string(device) + ", of " +
                                                    std::to_string(driver->devices().size())};
          }};
}

Result<TensorrtSetup> set_up_tensorrt(const SessionConfig& config, const ModelSpec& spec,
                                      const TensorrtMachine& machine, ProviderSettings& settings) {
  TensorrtSetup setup;
  auto ranges = profile_of_user(spec, settings);
  if (!ranges.ok()) return ranges.take_status();
  if (ranges->empty()) {
    ranges = shape_ranges(spec, config.shapes);
    if (!ranges.ok()) return ranges.take_status();
    set_profile(settings, spec, *ranges);
  }
  setup.ranges = std::move(*ranges);
  if (config.engine_cache.empty() || manages_engine_cache(settings)) return setup;
  auto engines = engines_of(config, machine, settings);
  if (engines.ok()) {
    setup.engines = std::move(*engines);
    set_engine_cache(settings, setup.engines);
  } else {
    setup.note = "engines are built anew at each start: " + engines.status().message();
  }
  return setup;
}

Result<Ort::Session> create_or_rebuild(const fs::path& folder, const std::function<Result<Ort::Session>()>& create,
                                       const std::function<void(std::string note)>& on_removed) {
  auto session = create();
  if (session.ok() || folder.empty()) return session;
  const size_t removed = clear_engine_folder(folder);
  if (removed == 0) return session;
  on_removed("the engines in '" + folder.string() + "' could not be used and were removed (" + std::to_string(removed) +
             (removed == 1 ? " file" : " files") + "): " + session.status().message());
  return create();
}

}  // namespace ortserve
