// SPDX-License-Identifier: Apache-2.0
#include "addon/load_shapes.h"

#include <algorithm>

namespace ortserve {

namespace {

std::vector<int64_t> ascending(std::vector<int64_t> sizes) {
  std::ranges::sort(sizes);
  return sizes;
}

}  // namespace

void hint_shapes(ModelLoadOptions& options) {
  constexpr int64_t kMostGraphRows = 32;  // each size is a graph with memory of its own
  ShapeHints& hints = options.session.shapes;
  hints.max_rows = std::max(options.batcher.max_batch_rows, options.max_request_rows);
  hints.preferred_rows = ascending(options.batcher.preferred_rows);
  hints.pad_to = ascending(options.batcher.pad_to);
  for (const AxisBucketOption& axis : options.bucket_axes) hints.dims[axis.dim] = ascending(axis.sizes);
  if (hints.pad_to.empty() && asks_for_fixed_shapes(options.session)) {
    hints.pad_to = doubling_sizes(hints.max_rows > 0 ? hints.max_rows : kMostGraphRows);
  }
}

void limit_rows(ModelSpec& spec, const ModelLoadOptions& options, BatcherOptions& batcher) {
  for (InputSpec& input : spec.inputs) {
    if (input.most.rank() == 0) continue;
    for (size_t d = 0; d < input.dims.rank(); ++d) {
      const bool padded = d < input.dim_names.size() && options.session.shapes.dims.contains(input.dim_names[d]);
      if (input.dims[d] < 0 && (padded || (d == 0 && spec.batched))) input.least[d] = 1;
    }
    if (!spec.batched) continue;
    const int64_t most = input.most[0];
    spec.max_rows = spec.max_rows > 0 ? std::min(spec.max_rows, most) : most;
    batcher.max_batch_rows = batcher.max_batch_rows > 0 ? std::min(batcher.max_batch_rows, most) : most;
  }
}

int64_t measured_rows(const ModelSpec& spec, int64_t reach) {
  for (const InputSpec& input : spec.inputs) {
    if (input.most.rank() > 0 && spec.batched) reach = std::min(reach, input.most[0]);
  }
  return reach;
}

}  // namespace ortserve
