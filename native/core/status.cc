// SPDX-License-Identifier: Apache-2.0
#include "core/status.h"

#include <array>

namespace ortserve {

std::string_view code_name(Code code) noexcept {
  static constexpr std::array<std::string_view, kCodeCount> kNames = {
      "OK",
      "ERR_INVALID_ARGUMENT",
      "ERR_INVALID_JSON",
      "ERR_INVALID_INPUT",
      "ERR_LIMIT_EXCEEDED",
      "ERR_UNSUPPORTED",
      "ERR_QUEUE_FULL",
      "ERR_QUEUE_TIMEOUT",
      "ERR_DEADLINE_EXCEEDED",
      "ERR_CANCELLED",
      "ERR_MODEL_CLOSED",
      "ERR_OUT_OF_MEMORY",
      "ERR_RUN_FAILED",
      "ERR_MODEL_NOT_FOUND",
      "ERR_LOAD_FAILED",
      "ERR_PROVIDER_UNAVAILABLE",
      "ERR_LIBRARY_UNAVAILABLE",
      "ERR_NOT_FOUND",
      "ERR_SINGULAR",
      "ERR_INTERNAL",
  };
  static_assert(kNames.back() == "ERR_INTERNAL");
  return kNames[static_cast<size_t>(code)];
}

}  // namespace ortserve
