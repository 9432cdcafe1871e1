// SPDX-License-Identifier: Apache-2.0
#include "core/transform/kernels.h"

#include <array>

#if defined(ORTSERVE_X86_KERNELS) && defined(_MSC_VER)
#include <immintrin.h>
#include <intrin.h>
#elif defined(ORTSERVE_X86_KERNELS)
#include <cpuid.h>
#endif

namespace ortserve {

namespace {

struct Usable {
  std::array<const Kernels*, 3> sets{};
  size_t count = 0;
  void add(const Kernels& set) noexcept { sets[count++] = &set; }
};

#ifdef ORTSERVE_X86_KERNELS
#ifdef _MSC_VER

// The CPU has the instructions, and the system saves the registers.
struct CpuFeatures {
  bool avx2 = false, avx512 = false;
  CpuFeatures() noexcept {
    int leaf[4];
    __cpuid(leaf, 0);
    if (leaf[0] < 7) return;
    __cpuid(leaf, 1);
    constexpr int kOsxsave = 1 << 27, kF16c = 1 << 29;
    if ((leaf[2] & kOsxsave) == 0 || (leaf[2] & kF16c) == 0) return;
    const auto saved = _xgetbv(0);
    __cpuidex(leaf, 7, 0);
    avx2 = (saved & 0x6) == 0x6 && (leaf[1] & (1 << 5)) != 0;
    constexpr unsigned kFoundations = (1u << 16) | (1u << 17) | (1u << 30) | (1u << 31);  // F, DQ, BW, VL
    avx512 = avx2 && (saved & 0xe6) == 0xe6 && (static_cast<unsigned>(leaf[1]) & kFoundations) == kFoundations;
  }
};

#else

// clang before 18 does not know the name "f16c".
bool has_f16c() noexcept {
  unsigned a, b, c, d;
  return __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & bit_F16C) != 0;
}

struct CpuFeatures {
  bool avx2 = __builtin_cpu_supports("avx2") && has_f16c();
  bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
};

#endif
#endif

Usable find_usable() noexcept {
  Usable usable;
#ifdef ORTSERVE_X86_KERNELS
  const CpuFeatures cpu;
  if (cpu.avx512) usable.add(internal::kAvx512Kernels);
  if (cpu.avx2) usable.add(internal::kAvx2Kernels);
#endif
  usable.add(internal::kBaselineKernels);
  return usable;
}

const Usable& usable() noexcept {
  static const Usable found = find_usable();
  return found;
}

}  // namespace

const Kernels& kernels() noexcept {
  return *usable().sets[0];
}

std::span<const Kernels* const> usable_kernels() noexcept {
  return {usable().sets.data(), usable().count};
}

}  // namespace ortserve
