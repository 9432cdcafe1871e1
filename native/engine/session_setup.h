// SPDX-License-Identifier: Apache-2.0
// What goes around a session on a device: how tensors reach it, which shapes it is prepared for.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "engine/option_table.h"
#include "engine/ort_session.h"
#include "engine/providers.h"

namespace ortserve {

/// How inputs and outputs of a session reach its device.
enum class DevicePath : uint8_t {
  kDirect,  ///< plain runs: ONNX Runtime copies what lies elsewhere
  kBound,   ///< bound to memory that the device reads directly
  kFixed,   ///< as kBound, and at fixed addresses for the shapes it was prepared for
};

/// Everything that is decided before a session is made. Kept while attempts with fewer providers are made.
class SessionSetup {
 public:
  SessionSetup(const SessionConfig& config, const std::vector<CheckedOption>& options)
      : config_(config), options_(options) {}

  /// Prepares for TensorRT where it is in play: shapes and a place for engines. Without known shapes it goes out of
  /// play: kProviderUnavailable when it was required.
  Status prepare(ProviderPlan& plan, const ModelSpec& spec);
  /// Where TensorRT keeps engines; empty: nowhere, or it is out of play.
  std::filesystem::path engines(ProviderPlan& plan) const;

  /// The session that `session` becomes with the providers still in play.
  Result<std::shared_ptr<Session>> finish(Ort::Session session, ModelSpec spec, ProviderPlan& plan, BufferPool& pool);

 private:
  DevicePath path_of(ProviderPlan& plan) const;
  Result<std::unique_ptr<FixedRuns>> fixed_runs(const OrtModelSession::Parts& parts, std::optional<int> gpu) const;
  void limit_shapes(OrtModelSession::Parts& parts) const;

  const SessionConfig& config_;
  const std::vector<CheckedOption>& options_;
  std::vector<ShapeRange> ranges_;
  std::filesystem::path engines_;
};

}  // namespace ortserve
