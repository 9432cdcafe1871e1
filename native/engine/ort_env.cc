// SPDX-License-Identifier: Apache-2.0
#include "engine/ort_env.h"

#include <algorithm>
#include <atomic>
#include <cctype>
#include <mutex>

#include "engine/ort_library.h"
#include "engine/ort_log.h"
#include "engine/shared_library.h"

namespace ortserve {

namespace {

// Never destroyed: threads may be inside ORT while the process exits, and statics die under them.
std::atomic<const Engine*> engine{nullptr};

// "CUDAExecutionProvider" -> "cuda"
std::string provider_name(std::string name) {
  constexpr std::string_view kSuffix = "ExecutionProvider";
  if (name.ends_with(kSuffix)) name.resize(name.size() - kSuffix.size());
  std::ranges::transform(name, name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return name;
}

Status create_engine(const OrtLibrary& library) {
  return guarded(Code::kLibraryUnavailable, [&]() -> Status {
    Ort::InitApi(library.api);
    EngineInfo info{library.path, library.version, {}};
    for (std::string& name : Ort::GetAvailableProviders()) info.providers.push_back(provider_name(std::move(name)));
    engine.store(new Engine{std::move(info), Ort::Env(ort_log_level(), "ortserve", log_from_ort, nullptr),
                            Ort::MemoryInfo::CreateCpu(OrtDeviceAllocator, OrtMemTypeDefault)},
                 std::memory_order_release);
    return {};
  });
}

}  // namespace

const Engine* running_engine() noexcept {
  return engine.load(std::memory_order_acquire);
}

Status start_engine(const std::string& library_path) {
  static std::mutex& starting = *new std::mutex;  // one start at a time; outlives every static
  const std::lock_guard lock(starting);
  if (running_engine()) return {};
  auto library = open_ort_library(library_path);
  if (!library.ok()) return library.take_status();
  pin_this_module();
  return create_engine(*library);
}

Result<EngineInfo> engine_info() {
  if (const Engine* const running = running_engine()) return running->info;
  return {Code::kLibraryUnavailable, "the engine has not been started: no ONNX Runtime library is loaded"};
}

}  // namespace ortserve
