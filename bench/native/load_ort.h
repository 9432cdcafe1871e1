// SPDX-License-Identifier: Apache-2.0
// ONNX Runtime for the bare loops: opened by path, as ortserve opens it.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#if defined(_WIN32)
#include <windows.h>
#else
#include <dlfcn.h>
#endif

#define ORT_API_MANUAL_INIT
#include <onnxruntime_cxx_api.h>

namespace ortserve::bench {

/// Null when there is no such library.
inline const OrtApiBase* load_ort(const char* path) {
  using GetBase = const OrtApiBase* (*)();
#if defined(_WIN32)
  _putenv_s("ORT_DISABLE_TELEMETRY", "1");
  HMODULE library = LoadLibraryA(path);
  auto get = library ? reinterpret_cast<GetBase>(GetProcAddress(library, "OrtGetApiBase")) : nullptr;
#else
  setenv("ORT_DISABLE_TELEMETRY", "1", 1);
  void* library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  auto get = library ? reinterpret_cast<GetBase>(dlsym(library, "OrtGetApiBase")) : nullptr;
#endif
  return get ? get() : nullptr;
}

/// "1,4,16"
inline std::vector<int64_t> numbers(const char* text) {
  std::vector<int64_t> list;
  for (const char* at = text; at && *at; at = std::strchr(at, ',') ? std::strchr(at, ',') + 1 : nullptr) {
    list.push_back(std::strtoll(at, nullptr, 10));
  }
  return list;
}

/// Says on stderr what is wrong.
inline bool init_ort(const char* program, const char* path) {
  const OrtApiBase* const base = load_ort(path);
  if (!base) {
    std::fprintf(stderr, "%s: cannot load ONNX Runtime from %s\n", program, path);
    return false;
  }
  const OrtApi* api = base->GetApi(ORT_API_VERSION);
  if (!api) {
    std::fprintf(stderr, "%s: %s is version %s, too old for API %d\n", program, path, base->GetVersionString(),
                 ORT_API_VERSION);
    return false;
  }
  Ort::InitApi(api);
  return true;
}

}  // namespace ortserve::bench
