// SPDX-License-Identifier: Apache-2.0
#include "core/cpu_features.h"

#if defined(ORTSERVE_X86_KERNELS) && defined(_MSC_VER)
#include <immintrin.h>
#include <intrin.h>
#elif defined(ORTSERVE_X86_KERNELS)
#include <cpuid.h>
#endif

namespace ortserve {

#if !defined(ORTSERVE_X86_KERNELS)

CpuFeatures cpu_features() noexcept {
  return {};
}

#elif defined(_MSC_VER)

CpuFeatures cpu_features() noexcept {
  int leaf[4];
  __cpuid(leaf, 0);
  if (leaf[0] < 7) return {};
  __cpuid(leaf, 1);
  constexpr int kFma = 1 << 12, kOsxsave = 1 << 27, kF16c = 1 << 29;
  const bool fma = (leaf[2] & kFma) != 0;
  if ((leaf[2] & kOsxsave) == 0 || (leaf[2] & kF16c) == 0) return {};
  const auto saved = _xgetbv(0);
  __cpuidex(leaf, 7, 0);
  constexpr unsigned kFoundations = (1u << 16) | (1u << 17) | (1u << 30) | (1u << 31);  // F, DQ, BW, VL
  CpuFeatures cpu;
  cpu.avx2 = (saved & 0x6) == 0x6 && (leaf[1] & (1 << 5)) != 0;
  cpu.fma = cpu.avx2 && fma;
  cpu.avx512 = cpu.avx2 && (saved & 0xe6) == 0xe6 && (static_cast<unsigned>(leaf[1]) & kFoundations) == kFoundations;
  return cpu;
}

#else

namespace {

// clang before 18 does not know the name "f16c".
bool has_f16c() noexcept {
  unsigned a, b, c, d;
  return __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & bit_F16C) != 0;
}

}  // namespace

CpuFeatures cpu_features() noexcept {
  CpuFeatures cpu;
  cpu.avx2 = __builtin_cpu_supports("avx2") && has_f16c();
  cpu.fma = cpu.avx2 && __builtin_cpu_supports("fma");
  cpu.avx512 = cpu.avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  return cpu;
}

#endif

}  // namespace ortserve
