// SPDX-License-Identifier: Apache-2.0
// Whether a model's first dimension is a batch of independent rows.
#pragma once

#include "core/model_spec.h"
#include "core/runner.h"

namespace ortserve {

/// Decides from the graph's shapes, then checks by running rows together and alone: a model that mixes rows (a mean
/// over the batch, a convolution along it) must never see two callers' rows at once. Fills `spec.batched` and
/// `spec.batching_reason`. A model that refuses synthetic inputs is not batched.
void verify_batching(Runner& runner, ModelSpec& spec, BufferPool& pool);

}  // namespace ortserve
