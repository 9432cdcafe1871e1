// SPDX-License-Identifier: Apache-2.0
// When two loads may share one session, and when two servers may share results.
#pragma once

#include <string>
#include <vector>

#include "addon/loaded_model.h"

namespace ortserve {

/// Equal for loads of the same file (canonical path, size, time of change) with the same session, provider and batching
/// options. kModelNotFound when the path is not a readable file.
Result<std::string> session_key(const ModelLoadOptions& options);

/// Of the model's content and of what else changes its results: providers in use, session options, the version of ONNX
/// Runtime. Equal on every machine. Reads the whole model: for the loader thread.
Result<CacheKey> result_digest(const ModelLoadOptions& options, const std::vector<ProviderOutcome>& providers);

}  // namespace ortserve
