// SPDX-License-Identifier: Apache-2.0
#include "core/solve/tile_kernels.h"

#include <array>

#include "core/cpu_features.h"

namespace ortserve {

namespace {

struct Usable {
  std::array<const TileKernels*, 3> sets{};
  size_t count = 0;
  void add(const TileKernels& set) noexcept { sets[count++] = &set; }
};

Usable find_usable() noexcept {
  Usable usable;
#ifdef ORTSERVE_X86_KERNELS
  const CpuFeatures cpu = cpu_features();
  if (cpu.avx512 && cpu.fma) usable.add(internal::kAvx512TileKernels);
  if (cpu.fma) usable.add(internal::kAvx2TileKernels);
#endif
  usable.add(internal::kBaselineTileKernels);
  return usable;
}

const Usable& usable() noexcept {
  static const Usable found = find_usable();
  return found;
}

}  // namespace

const TileKernels& tile_kernels() noexcept {
  return *usable().sets[0];
}

std::span<const TileKernels* const> usable_tile_kernels() noexcept {
  return {usable().sets.data(), usable().count};
}

}  // namespace ortserve
