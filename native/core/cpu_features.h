// SPDX-License-Identifier: Apache-2.0
// Which of the instruction sets that some files are compiled for this machine can run.
#pragma once

namespace ortserve {

/// The CPU has the instructions, and the system saves their registers. All false where ORTSERVE_X86_KERNELS is not
/// defined.
struct CpuFeatures {
  bool avx2 = false;    ///< AVX2 and F16C
  bool fma = false;     ///< with AVX2
  bool avx512 = false;  ///< F, BW, DQ, VL; implies avx2
};

CpuFeatures cpu_features() noexcept;

}  // namespace ortserve
