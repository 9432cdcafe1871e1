// SPDX-License-Identifier: Apache-2.0
#include "core/transform/kernel_loops.h"

namespace ortserve::internal {

const Kernels kAvx512Kernels = make_kernels("avx512");

}  // namespace ortserve::internal
