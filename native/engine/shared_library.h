// SPDX-License-Identifier: Apache-2.0
// The platform's dynamic loader.
#pragma once

#include <string>

#include "core/status.h"

namespace ortserve {

/// Opens the library at `path` (UTF-8) with local visibility, for the rest of the process, and returns the address of
/// `symbol` in it. kLibraryUnavailable carries the loader's own words.
Result<void*> open_shared_library(const std::string& path, const char* symbol);

/// A library of the system that may or may not be there. Never closed: drivers do not survive that.
class SystemLibrary {
 public:
  /// By the loader's rules: a bare name is looked for on its search path. kLibraryUnavailable carries its words.
  static Result<SystemLibrary> open(const std::string& name);

  /// The function, or null when this version of the library has none of that name.
  template <typename Function>
  Function* function(const char* name) const noexcept {
    return reinterpret_cast<Function*>(address(name));
  }

 private:
  explicit SystemLibrary(void* handle) noexcept : handle_(handle) {}
  void* address(const char* name) const noexcept;

  void* handle_;
};

/// Keeps the module that contains this code mapped until the process ends. ORT's logger and the cancellation watch call
/// into it for that long, while Node.js unmaps an addon when the last worker thread that loaded it ends.
void pin_this_module() noexcept;

}  // namespace ortserve
