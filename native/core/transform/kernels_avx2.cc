// SPDX-License-Identifier: Apache-2.0
#include "core/transform/kernel_loops.h"

namespace ortserve::internal {

const Kernels kAvx2Kernels = make_kernels("avx2");

}  // namespace ortserve::internal
