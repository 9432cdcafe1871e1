// SPDX-License-Identifier: Apache-2.0
// Between what a model's options say of batches and dims, and the shapes its provider is prepared for.
#pragma once

#include "addon/loaded_model.h"

namespace ortserve {

/// Fills options.session.shapes: what the engine needs to know of the batches to come, and the batches that CUDA graphs
/// ask for.
void hint_shapes(ModelLoadOptions& options);

/// Holds requests and batches to the shapes the provider was prepared for. A dim with buckets may be smaller: it is
/// padded first.
void limit_rows(ModelSpec& spec, const ModelLoadOptions& options, BatcherOptions& batcher);

/// `reach`, or the most rows that the provider was prepared for.
int64_t measured_rows(const ModelSpec& spec, int64_t reach);

}  // namespace ortserve
