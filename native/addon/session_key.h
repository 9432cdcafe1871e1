// SPDX-License-Identifier: Apache-2.0
// When two loads may share one session.
#pragma once

#include <string>

#include "addon/loaded_model.h"

namespace ortserve {

/// Equal for loads of the same file (canonical path, size, time of change) with the same session, provider and batching
/// options. kModelNotFound when the path is not a readable file.
Result<std::string> session_key(const ModelLoadOptions& options);

}  // namespace ortserve
