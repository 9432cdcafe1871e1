// SPDX-License-Identifier: Apache-2.0
#include "core/transform/kernels.h"

#include <array>

#include "core/cpu_features.h"

namespace ortserve {

namespace {

struct Usable {
  std::array<const Kernels*, 3> sets{};
  size_t count = 0;
  void add(const Kernels& set) noexcept { sets[count++] = &set; }
};

Usable find_usable() noexcept {
  Usable usable;
#ifdef ORTSERVE_X86_KERNELS
  const CpuFeatures cpu = cpu_features();
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
