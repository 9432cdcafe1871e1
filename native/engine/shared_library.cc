// SPDX-License-Identifier: Apache-2.0
#include "engine/shared_library.h"

#ifdef _WIN32
#include <windows.h>

#include <filesystem>
#include <system_error>
#else
#include <dlfcn.h>
#endif

namespace ortserve {

#ifdef _WIN32

namespace {

Status last_error(const std::string& path) {
  const auto code = static_cast<int>(::GetLastError());
  return {Code::kLibraryUnavailable, "cannot open '" + path + "': " + std::system_category().message(code)};
}

}  // namespace

Result<void*> open_shared_library(const std::string& path, const char* symbol) {
  const std::filesystem::path wide(std::u8string(path.begin(), path.end()));
  // The altered search path makes the library's own folder the first place its dependencies are looked for.
  const HMODULE module = ::LoadLibraryExW(wide.c_str(), nullptr, LOAD_WITH_ALTERED_SEARCH_PATH);
  if (!module) return last_error(path);
  void* const address = reinterpret_cast<void*>(::GetProcAddress(module, symbol));
  if (!address) return last_error(path);
  return address;
}

Result<SystemLibrary> SystemLibrary::open(const std::string& name) {
  const std::filesystem::path wide(std::u8string(name.begin(), name.end()));
  const HMODULE module = ::LoadLibraryExW(wide.c_str(), nullptr, LOAD_LIBRARY_SEARCH_DEFAULT_DIRS);
  if (!module) return last_error(name);
  return SystemLibrary(module);
}

void* SystemLibrary::address(const char* name) const noexcept {
  return reinterpret_cast<void*>(::GetProcAddress(static_cast<HMODULE>(handle_), name));
}

void pin_this_module() noexcept {
  HMODULE module = nullptr;
  ::GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_PIN,
                       reinterpret_cast<LPCWSTR>(&pin_this_module), &module);
}

#else

Result<void*> open_shared_library(const std::string& path, const char* symbol) {
  void* const library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  void* const address = library ? ::dlsym(library, symbol) : nullptr;
  if (address) return address;
  const char* const words = ::dlerror();
  Status failure(Code::kLibraryUnavailable, "cannot open '" + path + "': " + (words ? words : "no reason given"));
  if (library) ::dlclose(library);
  return failure;
}

Result<SystemLibrary> SystemLibrary::open(const std::string& name) {
  void* const handle = ::dlopen(name.c_str(), RTLD_LAZY | RTLD_LOCAL);
  if (handle) return SystemLibrary(handle);
  const char* const words = ::dlerror();
  return {Code::kLibraryUnavailable, words ? words : "cannot open '" + name + "'"};
}

void* SystemLibrary::address(const char* name) const noexcept {
  return ::dlsym(handle_, name);
}

void pin_this_module() noexcept {
  Dl_info info{};
  if (::dladdr(reinterpret_cast<void*>(&pin_this_module), &info) == 0 || !info.dli_fname) return;
  ::dlopen(info.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE);  // an executable cannot be reopened; nor unmapped
}

#endif

}  // namespace ortserve
