// SPDX-License-Identifier: Apache-2.0
// Opens the ONNX Runtime shared library and agrees on an API version with it.
#pragma once

#include <string>

#include "core/status.h"
#include "engine/ort_api.h"

namespace ortserve {

struct OrtLibrary {
  std::string path;             ///< as opened
  std::string version;          ///< "1.29.0"
  const OrtApi* api = nullptr;  ///< of version ORT_API_VERSION; valid for the rest of the process
};

/// Opens the library at an absolute path with local visibility, so that another ONNX Runtime in the process stays
/// apart, and never closes it. Sets ORT_DISABLE_TELEMETRY=1 first. kLibraryUnavailable.
Result<OrtLibrary> open_ort_library(const std::string& path);

/// The API table of version `wanted`. kLibraryUnavailable names path, found and wanted version. A library that is
/// known to be too old is not asked: it would print to stderr.
Result<const OrtApi*> negotiate_api(const OrtApiBase& base, uint32_t wanted, const std::string& path);

}  // namespace ortserve
