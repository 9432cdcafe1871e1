// SPDX-License-Identifier: Apache-2.0
#include "engine/session_setup.h"

#include <algorithm>
#include <charconv>

#include "engine/ort_env.h"
#include "engine/session_options.h"
#include "engine/tensorrt_setup.h"

namespace ortserve {

namespace {

constexpr const char* kTensorrt = "tensorrt";
constexpr const char* kCuda = "cuda";
constexpr const char* kPathOption = "ortserve.device_path";

// Of settings that were checked, or of what a user wrote.
bool is_on(const ProviderSettings& settings, const char* key) {
  const auto found = settings.find(key);
  return found != settings.end() && (found->second == "1" || found->second == "true");
}

bool captures_graphs(const ProviderSettings& settings) {
  return is_on(settings, "enable_cuda_graph") || is_on(settings, "trt_cuda_graph_enable");
}

int device_of(const ProviderSettings& settings) {
  int device = 0;
  if (const auto found = settings.find("device_id"); found != settings.end()) {
    std::from_chars(found->second.data(), found->second.data() + found->second.size(), device);
  }
  return device;
}

Ort::MemoryInfo host_memory(std::optional<int> gpu) {
  if (gpu) return Ort::MemoryInfo("CudaPinned", OrtDeviceAllocator, *gpu, OrtMemTypeCPUOutput);
  return Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
}

}  // namespace

bool asks_for_fixed_shapes(const SessionConfig& config) {
  const auto path = config.options.find(kPathOption);
  if (path != config.options.end() && path->second == "fixed") return true;
  return std::ranges::any_of(config.providers, [](const ProviderRequest& request) {
    return captures_graphs(ProviderSettings(request.options.begin(), request.options.end()));
  });
}

Status SessionSetup::prepare(ProviderPlan& plan, const ModelSpec& spec) {
  ProviderSettings* const settings = plan.settings_of(kTensorrt);
  if (!settings) return {};
  auto setup = set_up_tensorrt(config_, spec, TensorrtMachine::here(running_engine()->info.version), *settings);
  if (!setup.ok()) return plan.refuse(kTensorrt, setup.status().message());
  ranges_ = std::move(setup->ranges);
  engines_ = std::move(setup->engines);
  if (!setup->note.empty()) plan.note(kTensorrt, std::move(setup->note));
  return {};
}

std::filesystem::path SessionSetup::engines(ProviderPlan& plan) const {
  return plan.settings_of(kTensorrt) ? engines_ : std::filesystem::path();
}

DevicePath SessionSetup::path_of(ProviderPlan& plan) const {
  const std::string_view asked = value_of(options_, kPathOption, "auto");
  if (asked == "direct") return DevicePath::kDirect;
  if (asked == "bound") return DevicePath::kBound;
  if (asked == "fixed") return DevicePath::kFixed;
  const ProviderRequest* const first = plan.first_accelerator();
  if (!first) return DevicePath::kDirect;
  return captures_graphs(*plan.settings_of(first->name)) ? DevicePath::kFixed : DevicePath::kBound;
}

Result<std::shared_ptr<Session>> SessionSetup::finish(Ort::Session session, ModelSpec spec, ProviderPlan& plan,
                                                      BufferPool& pool) {
  OrtModelSession::Parts parts;
  parts.session = std::make_shared<Ort::Session>(std::move(session));
  parts.spec = std::move(spec);
  std::optional<int> gpu;
  const ProviderRequest* const first = plan.first_accelerator();
  if (first) gpu = device_of(*plan.settings_of(first->name));
  const DevicePath path = path_of(plan);
  if (gpu) parts.gate = &RunGate::gpu();
  if (path != DevicePath::kDirect) {
    auto host = HostPool::create(parts.session, host_memory(gpu));
    if (host.ok()) {
      parts.host = std::move(*host);
    } else if (first) {
      plan.note(first->name, "there is no page-locked memory, copies are slower: " + host.status().message());
    }
  }
  // A captured graph still uses what looks free in the arena.
  if (path == DevicePath::kBound) parts.device_arena = gpu ? "gpu:" + std::to_string(*gpu) : "cpu:0";
  if (path == DevicePath::kFixed) {
    auto fixed = fixed_runs(parts, gpu);
    if (!fixed.ok()) return fixed.take_status();
    parts.fixed = std::move(*fixed);
    parts.warm_shapes = parts.fixed->shapes();
  }
  if (plan.settings_of(kTensorrt)) limit_shapes(parts);
  parts.providers = plan.outcomes();
  return std::shared_ptr<Session>(std::make_shared<OrtModelSession>(std::move(parts), pool));
}

Result<std::unique_ptr<FixedRuns>> SessionSetup::fixed_runs(const OrtModelSession::Parts& parts,
                                                            std::optional<int> gpu) const {
  const ShapeHints& hints = config_.shapes;
  auto shapes = fixed_shapes(parts.spec, hints.pad_to.empty() ? std::vector<int64_t>{1} : hints.pad_to, hints);
  if (!shapes.ok()) return shapes.take_status();
  std::unique_ptr<DeviceCopy> copy = host_copy();
  if (gpu) {
    auto cuda = cuda_copy(*gpu);
    if (!cuda.ok()) return cuda.take_status();
    copy = std::move(*cuda);
  }
  return FixedRuns::create({parts.session, std::move(*shapes), std::move(copy), parts.gate}, parts.spec);
}

// What an engine was not built for would rebuild it while a request waits.
void SessionSetup::limit_shapes(OrtModelSession::Parts& parts) const {
  std::vector<Shape> least, best, most;
  for (size_t i = 0; i < ranges_.size(); ++i) {
    parts.spec.inputs[i].least = ranges_[i].least;
    parts.spec.inputs[i].most = ranges_[i].most;
    least.push_back(ranges_[i].least);
    best.push_back(ranges_[i].best);
    most.push_back(ranges_[i].most);
  }
  if (parts.warm_shapes.empty()) parts.warm_shapes = {std::move(least), std::move(best), std::move(most)};
}

}  // namespace ortserve
