// SPDX-License-Identifier: Apache-2.0
#include "core/solve/tile_loops.h"

namespace ortserve::internal {

const TileKernels kAvx2TileKernels = make_tile_kernels("avx2");

}  // namespace ortserve::internal
