// SPDX-License-Identifier: Apache-2.0
#include "core/solve/tile_kernels.h"

#include "core/cpu_features.h"
#include "core/kernel_sets.h"

namespace ortserve {

namespace {

KernelSets<TileKernels> find_usable() noexcept {
  KernelSets<TileKernels> usable;
#ifdef ORTSERVE_X86_KERNELS
  const CpuFeatures cpu = cpu_features();
  if (cpu.avx512 && cpu.fma) usable.add(internal::kAvx512TileKernels);
  if (cpu.fma) usable.add(internal::kAvx2TileKernels);
#endif
  usable.add(internal::kBaselineTileKernels);
  return usable;
}

const KernelSets<TileKernels>& usable() noexcept {
  static const KernelSets found = find_usable();
  return found;
}

}  // namespace

const TileKernels& tile_kernels() noexcept {
  return usable().fastest();
}

std::span<const TileKernels* const> usable_tile_kernels() noexcept {
  return usable().all();
}

}  // namespace ortserve
