// SPDX-License-Identifier: Apache-2.0
#include "core/transform/kernels.h"

#include "core/cpu_features.h"
#include "core/kernel_sets.h"

namespace ortserve {

namespace {

KernelSets<Kernels> find_usable() noexcept {
  KernelSets<Kernels> usable;
#ifdef ORTSERVE_X86_KERNELS
  const CpuFeatures cpu = cpu_features();
  if (cpu.avx512) usable.add(internal::kAvx512Kernels);
  if (cpu.avx2) usable.add(internal::kAvx2Kernels);
#endif
  usable.add(internal::kBaselineKernels);
  return usable;
}

const KernelSets<Kernels>& usable() noexcept {
  static const KernelSets found = find_usable();
  return found;
}

}  // namespace

const Kernels& kernels() noexcept {
  return usable().fastest();
}

std::span<const Kernels* const> usable_kernels() noexcept {
  return usable().all();
}

}  // namespace ortserve
