// SPDX-License-Identifier: Apache-2.0
#include "engine/ort_library.h"

#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <string_view>

#include "engine/shared_library.h"

namespace ortserve {

namespace {

// ORT's API version is the minor number of its 1.x releases. 0: cannot tell.
uint32_t api_of_release(std::string_view version) noexcept {
  if (!version.starts_with("1.")) return 0;
  version.remove_prefix(2);
  uint32_t minor = 0;
  std::from_chars(version.data(), version.data() + version.size(), minor);
  return minor;
}

// Since 1.29 the library reports usage home unless this is set before it creates its environment.
void disable_telemetry() noexcept {
#ifdef _WIN32
  ::_putenv_s("ORT_DISABLE_TELEMETRY", "1");
#else
  ::setenv("ORT_DISABLE_TELEMETRY", "1", 1);
#endif
}

}  // namespace

Result<const OrtApi*> negotiate_api(const OrtApiBase& base, uint32_t wanted, const std::string& path) {
  const std::string found = base.GetVersionString();
  const uint32_t offered = api_of_release(found);
  const OrtApi* const api = offered != 0 && offered < wanted ? nullptr : base.GetApi(wanted);
  if (api) return api;
  return {Code::kLibraryUnavailable, "the ONNX Runtime library '" + path + "' is version " + found + ", expected 1." +
                                         std::to_string(wanted) + " or later"};
}

Result<OrtLibrary> open_ort_library(const std::string& path) {
  if (!std::filesystem::path(path).is_absolute()) {
    return {Code::kLibraryUnavailable, "expected the absolute path of the ONNX Runtime library, got '" + path + "'"};
  }
  disable_telemetry();
  auto entry = open_shared_library(path, "OrtGetApiBase");
  if (!entry.ok()) return entry.take_status();
  const auto get_base = reinterpret_cast<const OrtApiBase*(ORT_API_CALL*)()>(*entry);
  const OrtApiBase* const base = get_base();
  auto api = negotiate_api(*base, ORT_API_VERSION, path);
  if (!api.ok()) return api.take_status();
  return OrtLibrary{path, base->GetVersionString(), *api};
}

}  // namespace ortserve
