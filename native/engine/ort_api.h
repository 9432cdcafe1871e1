// SPDX-License-Identifier: Apache-2.0
// The one way to ONNX Runtime's headers, and the border where its errors become a Status.
#pragma once

#ifndef ORT_API_MANUAL_INIT
#define ORT_API_MANUAL_INIT  // the library is opened at run time: nothing may touch it while statics are initialised
#endif
#include <onnxruntime_cxx_api.h>

#include <new>
#include <string>
#include <string_view>
#include <utility>

#include "core/status.h"

namespace ortserve {

/// ORT's words for people, on one line: line breaks and runs of blanks become one blank, the place in ORT's source and
/// its code (which Code replaces) go, and at most 1,000 bytes stay, cut between characters.
std::string one_line(std::string_view text);

/// kOk for null. Otherwise kInvalidInput, kOutOfMemory or `otherwise`, with ORT's text on one line. Releases `status`.
Status take_ort_status(OrtStatus* status, Code otherwise);

/// Runs code of the cold path that uses ORT's throwing C++ wrapper. Whatever it throws becomes a Status of `code`
/// (kOutOfMemory when memory ran out). `body` returns a Status or a Result.
template <typename Body>
auto guarded(Code code, Body&& body) noexcept -> decltype(body()) {
  try {
    return std::forward<Body>(body)();
  } catch (const std::bad_alloc&) {
    return Status(Code::kOutOfMemory, "out of memory");
  } catch (const std::exception& error) {  // Ort::Exception among them
    return Status(code, one_line(error.what()));
  }
}

}  // namespace ortserve
