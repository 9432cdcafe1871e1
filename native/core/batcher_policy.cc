// SPDX-License-Identifier: Apache-2.0
#include "core/batcher_policy.h"

#include <algorithm>

namespace ortserve {

namespace {

constexpr int64_t kDefaultRows = 16;  // the cap while the cost of a batch is unknown

int64_t row_cap(const BatcherOptions& options, const CostCurve& curve) {
  int64_t cap = options.max_batch_rows;
  if (cap <= 0) {
    cap = curve.known() ? curve.efficient_rows(options.latency_objective / 2) : kDefaultRows;
    if (!options.preferred_rows.empty()) cap = std::max(cap, options.preferred_rows.back());
  }
  return options.pad_to.empty() ? cap : std::min(cap, options.pad_to.back());
}

void make_ascending(std::vector<int64_t>& sizes) {
  std::erase_if(sizes, [](int64_t size) { return size < 1; });
  std::ranges::sort(sizes);
  // Not ranges::unique: clang 14 cannot compile it with libstdc++ 12.
  sizes.erase(std::unique(sizes.begin(), sizes.end()), sizes.end());
}

}  // namespace

BatchPolicy derive_policy(const BatcherOptions& options, const CostCurve& curve, bool batched) {
  BatchPolicy policy;
  if (!batched || options.max_batch_rows == 1) return policy;
  policy.max_rows = row_cap(options, curve);
  if (options.pad_to.empty()) policy.instances = options.instances;  // a share would be filled up with padding
  policy.preferred_rows = options.preferred_rows;
  policy.max_delay = options.max_delay;
  policy.run_time = curve.cost(policy.max_rows);
  policy.target_rows = policy.max_rows;
  policy.worthwhile_rows = curve.known() ? std::min(curve.worthwhile_rows(), policy.max_rows) : 1;
  // Twice a full batch: by then the busy runner has been held up by something other than its batch.
  policy.patience = std::max<Nanoseconds>(2 * curve.cost(policy.max_rows), std::chrono::milliseconds(1));
  return policy;
}

BatcherOptions in_order(BatcherOptions options) {
  make_ascending(options.preferred_rows);
  make_ascending(options.pad_to);
  return options;
}

bool has_dynamic_rows(const ModelSpec& spec) {
  for (const InputSpec& input : spec.inputs) {
    for (size_t d = spec.batched ? 1 : 0; d < input.dims.rank(); ++d) {
      if (input.dims[d] < 0) return true;
    }
  }
  return false;
}

}  // namespace ortserve
