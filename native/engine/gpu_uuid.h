// SPDX-License-Identifier: Apache-2.0
// A GPU's identity, in the form that nvidia-smi and CUDA_VISIBLE_DEVICES use.
#pragma once

#include <array>
#include <cstddef>
#include <string>

namespace ortserve {

inline constexpr size_t kGpuUuidBytes = 16;

/// "GPU-" and 32 hexadecimal digits in groups of 8, 4, 4, 4 and 12.
inline std::string gpu_uuid_text(const std::array<unsigned char, kGpuUuidBytes>& uuid) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text = "GPU";
  for (size_t i = 0; i < uuid.size(); ++i) {
    if (i == 0 || i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += kDigits[uuid[i] >> 4];
    text += kDigits[uuid[i] & 15];
  }
  return text;
}

}  // namespace ortserve
