// SPDX-License-Identifier: Apache-2.0
// Which libraries a shared library needs, read from the file itself: nothing is loaded.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/status.h"

namespace ortserve {

/// The DT_NEEDED entries of a 64-bit little-endian ELF file, in its order. Only the parts that matter are read.
/// kLibraryUnavailable: the file cannot be read or is no such file.
Result<std::vector<std::string>> elf_needed(const std::filesystem::path& file);

}  // namespace ortserve
