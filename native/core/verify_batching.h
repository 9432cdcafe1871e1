// SPDX-License-Identifier: Apache-2.0
// Whether a model's first dimension is a batch of independent rows.
#pragma once

#include <string>
#include <vector>

#include "core/model_spec.h"
#include "core/runner.h"

namespace ortserve {

/// Decides from the graph's shapes, then checks by running rows together and alone: a model that mixes rows (a mean
/// over the batch, a convolution along it) must never see two callers' rows at once. Fills `spec.batched` and
/// `spec.batching_reason`. Values are made up, and vary more from trial to trial: a model that refuses the plainest is
/// not batched, of the others those count that run. `words`: strings that the model knows, such as its categories;
/// others are tried beside them.
void verify_batching(Runner& runner, ModelSpec& spec, BufferPool& pool, std::vector<std::string> words = {});

}  // namespace ortserve
