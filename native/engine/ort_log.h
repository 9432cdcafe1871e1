// SPDX-License-Identifier: Apache-2.0
// What ONNX Runtime logs: kept per thread for error messages, and printed only on request.
#pragma once

#include <string>

#include "engine/ort_api.h"

namespace ortserve {

/// The callback for ORT's environment. Keeps the last error line of the calling thread; prints to stderr when the
/// environment variable ORTSERVE_ORT_LOG is set.
void ORT_API_CALL log_from_ort(void* parameter, OrtLoggingLevel severity, const char* category, const char* log_id,
                               const char* location, const char* message);

/// The least severity ORT reports: ORTSERVE_ORT_LOG (verbose, info, warning, error, fatal; anything else that is not
/// empty means warning), or error.
OrtLoggingLevel ort_log_level() noexcept;

/// Collects this thread's last error line while it lives. Some calls return a generic status and log the reason.
class ErrorLine {
 public:
  ErrorLine();  ///< forgets what came before
  ErrorLine(const ErrorLine&) = delete;
  ErrorLine& operator=(const ErrorLine&) = delete;

  /// On one line; "" when nothing was logged.
  std::string text() const;
};

}  // namespace ortserve
