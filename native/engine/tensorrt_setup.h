// SPDX-License-Identifier: Apache-2.0
// What a session on TensorRT is given besides the user's options: shapes to build for, and a place for what is built.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "engine/cuda_driver.h"
#include "engine/engine.h"
#include "engine/ort_api.h"
#include "engine/provider_options.h"

namespace ortserve {

/// What is asked of the machine; tests answer otherwise.
struct TensorrtMachine {
  std::string ort_version;
  std::function<Result<int>()> tensorrt_version;
  std::function<Result<CudaDevice>(size_t device)> device;

  static TensorrtMachine here(std::string ort_version);
};

struct TensorrtSetup {
  std::vector<ShapeRange> ranges;  ///< per input: the engine takes no other shapes
  std::filesystem::path engines;   ///< where they are kept; empty: they are not, or the user has said where
  std::string note;                ///< why they are not kept; else empty
};

/// Fills `settings`, which holds the user's own. kInvalidArgument: a dynamic dim whose sizes nobody has told.
Result<TensorrtSetup> set_up_tensorrt(const SessionConfig& config, const ModelSpec& spec,
                                      const TensorrtMachine& machine, ProviderSettings& settings);

/// Calls `create`; when that fails although there were engines in `folder`, they may be broken (a crash, a full disk, a
/// copied folder): they are removed, `on_removed` is told, and `create` is called once more.
Result<Ort::Session> create_or_rebuild(const std::filesystem::path& folder,
                                       const std::function<Result<Ort::Session>()>& create,
                                       const std::function<void(std::string note)>& on_removed);

}  // namespace ortserve
