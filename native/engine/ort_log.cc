// SPDX-License-Identifier: Apache-2.0
#include "engine/ort_log.h"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace ortserve {

namespace {

constexpr const char* kVariable = "ORTSERVE_ORT_LOG";
constexpr std::array<std::string_view, 5> kSeverities = {"verbose", "info", "warning", "error", "fatal"};

thread_local std::string last_error_line;

const char* requested_level() noexcept {
  const char* const value = std::getenv(kVariable);
  return value && *value ? value : nullptr;
}

}  // namespace

OrtLoggingLevel ort_log_level() noexcept {
  const char* const value = requested_level();
  if (!value) return ORT_LOGGING_LEVEL_ERROR;
  for (size_t i = 0; i < kSeverities.size(); ++i) {
    if (kSeverities[i] == value) return static_cast<OrtLoggingLevel>(i);
  }
  return ORT_LOGGING_LEVEL_WARNING;
}

void ORT_API_CALL log_from_ort(void* /*parameter*/, OrtLoggingLevel severity, const char* /*category*/,
                               const char* /*log_id*/, const char* location, const char* message) {
  static const bool print = requested_level() != nullptr;
  try {
    if (severity >= ORT_LOGGING_LEVEL_ERROR) last_error_line = message;
  } catch (const std::bad_alloc&) {
    last_error_line.clear();  // the line only enriches another message
  }
  if (!print) return;
  const auto level = static_cast<size_t>(severity);
  std::fprintf(stderr, "onnxruntime %s: %s (%s)\n", level < kSeverities.size() ? kSeverities[level].data() : "?",
               message, location);
}

ErrorLine::ErrorLine() {
  last_error_line.clear();
}

std::string ErrorLine::text() const {
  return one_line(last_error_line);
}

}  // namespace ortserve
