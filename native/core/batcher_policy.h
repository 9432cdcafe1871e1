// SPDX-License-Identifier: Apache-2.0
// What a Batcher makes of its options and of its model's cost.
#pragma once

#include "core/batcher.h"

namespace ortserve {

/// `batched`: whether requests of the model may share a run.
BatchPolicy derive_policy(const BatcherOptions& options, const CostCurve& curve, bool batched);
/// With the lists of sizes ascending, each size once and at least 1.
BatcherOptions in_order(BatcherOptions options);
/// Whether a dim of an input varies, other than the batch: one measurement cannot tell then what a run costs.
bool has_dynamic_rows(const ModelSpec& spec);

}  // namespace ortserve
