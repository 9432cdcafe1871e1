// SPDX-License-Identifier: Apache-2.0
#include "core/solve/tile_loops.h"

namespace ortserve::internal {

const TileKernels kBaselineTileKernels = make_tile_kernels("baseline");

}  // namespace ortserve::internal
