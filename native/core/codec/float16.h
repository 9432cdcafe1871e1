// SPDX-License-Identifier: Apache-2.0
// Scalar conversions between float and the 16-bit formats, round to nearest even (IEEE 754).
#pragma once

#include <cstdint>

namespace ortserve {

float fp16_to_float(uint16_t bits) noexcept;
uint16_t float_to_fp16(float value) noexcept;
float bf16_to_float(uint16_t bits) noexcept;
uint16_t float_to_bf16(float value) noexcept;

}  // namespace ortserve
