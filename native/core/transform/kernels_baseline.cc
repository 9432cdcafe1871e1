// SPDX-License-Identifier: Apache-2.0
#include "core/transform/kernel_loops.h"

namespace ortserve::internal {

const Kernels kBaselineKernels = make_kernels("baseline");

}  // namespace ortserve::internal
