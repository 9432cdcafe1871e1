// SPDX-License-Identifier: Apache-2.0
// Whether an execution provider can be used on this machine, found out before ONNX Runtime tries: its own message names
// the first missing library only, and some mismatches end the process.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/status.h"

namespace ortserve {

/// Why a provider cannot be used, or what some models will miss.
struct ProviderFault {
  std::string library;  ///< "libcudnn.so.9"; "" when no library is at fault
  std::string what;     ///< one sentence, the loader's own words among it
  std::string remedy;   ///< what brings it
};

struct ProviderCheck {
  std::string provider;
  std::vector<ProviderFault> faults;    ///< none: it can be used
  std::vector<ProviderFault> warnings;  ///< libraries that only some models need
  int cuda_major = 0;                   ///< the CUDA release that its libraries are built for; 0: unknown

  bool usable() const noexcept { return faults.empty(); }
  /// All faults in one line.
  std::string text() const;
};

/// What the check asks of the machine; tests answer otherwise.
struct Machine {
  /// Loads a library by name or path, for good. Empty on success, else the loader's words.
  std::function<std::string(const std::string& name)> load;
  /// Newest CUDA that the driver supports (13000 for 13.0); kLibraryUnavailable, kProviderUnavailable.
  std::function<Result<int>()> driver_version;

  static Machine here();
};

/// `provider`: "cuda" or "tensorrt", anything else needs nothing. `folder`: where ONNX Runtime's library lies, beside
/// which it looks for its providers. Loads what the provider needs, from the loader's search path or from `folder`, in
/// the order in which they need each other, so that a later load of the provider finds them loaded.
ProviderCheck check_provider(std::string_view provider, const std::filesystem::path& folder, const Machine& machine);

/// check_provider() of this machine, once per process and provider: what is missing stays missing to a running process.
const ProviderCheck& provider_check(const std::string& provider, const std::filesystem::path& folder);

}  // namespace ortserve
