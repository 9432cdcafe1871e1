// SPDX-License-Identifier: Apache-2.0
// The platform's dynamic loader.
#pragma once

#include <string>

#include "core/status.h"

namespace ortserve {

/// Opens the library at `path` (UTF-8) with local visibility, for the rest of the process, and returns the address of
/// `symbol` in it. kLibraryUnavailable carries the loader's own words.
Result<void*> open_shared_library(const std::string& path, const char* symbol);

/// Keeps the module that contains this code mapped until the process ends. ORT's logger and the cancellation watch call
/// into it for that long, while Node.js unmaps an addon when the last worker thread that loaded it ends.
void pin_this_module() noexcept;

}  // namespace ortserve
