// SPDX-License-Identifier: Apache-2.0
#include "addon/pin_library.h"

#ifdef _WIN32
#include <windows.h>
#else
#include <dlfcn.h>
#endif

namespace ortserve {

#ifdef _WIN32
void pin_library() noexcept {
  HMODULE module;
  GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_PIN | GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS,
                     reinterpret_cast<LPCWSTR>(&pin_library), &module);
}
#else
void pin_library() noexcept {
  Dl_info here;
  if (dladdr(reinterpret_cast<void*>(&pin_library), &here) != 0) dlopen(here.dli_fname, RTLD_NOW | RTLD_NODELETE);
}
#endif

}  // namespace ortserve
