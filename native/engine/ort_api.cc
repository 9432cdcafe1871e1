// SPDX-License-Identifier: Apache-2.0
#include "engine/ort_api.h"

#include <algorithm>
#include <array>

namespace ortserve {

namespace {

constexpr size_t kLongestMessage = 1000;

Code code_of(OrtErrorCode error, std::string_view text, Code otherwise) noexcept {
  // Exhaustion is reported as a plain failure; only its text tells. The arena's, CUDA's, cuBLAS' and cuDNN's own words.
  constexpr auto kExhausted =
      std::to_array<std::string_view>({"Failed to allocate memory", "is smaller than requested bytes of", "bad_alloc",
                                       "CUDA failure 2:", "out of memory", "cudaErrorMemoryAllocation",
                                       "CUBLAS_STATUS_ALLOC_FAILED", "CUDNN_STATUS_ALLOC_FAILED"});
  const auto says = [text](std::string_view words) { return text.find(words) != std::string_view::npos; };
  if (std::ranges::any_of(kExhausted, says)) return Code::kOutOfMemory;
  return error == ORT_INVALID_ARGUMENT && otherwise == Code::kRunFailed ? Code::kInvalidInput : otherwise;
}

// Cuts "FILE:LINE SIGNATURE [ONNXRuntimeError] : NUMBER : NAME : " out of "... Status Message: FILE:LINE ...".
std::string without_origin(std::string_view text) {
  constexpr std::string_view kMark = "[ONNXRuntimeError] : ";
  const size_t mark = text.find(kMark);
  if (mark == std::string_view::npos) return std::string(text);
  const size_t number_end = text.find(" : ", mark + kMark.size());
  const size_t name_end = number_end == std::string_view::npos ? number_end : text.find(" : ", number_end + 3);
  if (name_end == std::string_view::npos) return std::string(text);
  const size_t before = text.substr(0, mark).rfind(": ");
  const size_t begin = before == std::string_view::npos ? 0 : before + 2;
  return std::string(text.substr(0, begin)).append(text.substr(name_end + 3));
}

bool is_continuation_byte(char c) noexcept {
  return (static_cast<unsigned char>(c) & 0xC0) == 0x80;
}

}  // namespace

std::string one_line(std::string_view text) {
  std::string line;
  for (const char c : without_origin(text)) {
    const bool blank = c == ' ' || (c >= '\t' && c <= '\r');
    if (!blank) {
      line += c;
    } else if (!line.empty() && line.back() != ' ') {
      line += ' ';
    }
  }
  if (!line.empty() && line.back() == ' ') line.pop_back();
  if (line.size() <= kLongestMessage) return line;
  size_t end = kLongestMessage;
  while (is_continuation_byte(line[end])) --end;
  line.resize(end);
  return line + "...";
}

Status take_ort_status(OrtStatus* status, Code otherwise) {
  if (!status) return {};
  const Ort::Status owner(status);
  const std::string text = owner.GetErrorMessage();
  return {code_of(owner.GetErrorCode(), text, otherwise), one_line(text)};
}

}  // namespace ortserve
