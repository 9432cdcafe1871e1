// SPDX-License-Identifier: Apache-2.0
// Made-up inputs that fit a model's declared shapes: for measuring and for checking, never for serving.
#pragma once

#include <span>
#include <vector>

#include "core/model_spec.h"
#include "core/runner.h"

namespace ortserve {

/// Pseudo-random inputs of `rows` rows (reproducible): floats in [0, 1), integers and booleans 0 or 1, empty strings.
/// Dynamic dims other than a batched model's first become `dynamic_dim`.
Result<std::vector<Tensor>> synthetic_inputs(const ModelSpec& spec, BufferPool& pool, int64_t rows,
                                             int64_t dynamic_dim);
/// The same of given shapes, one per input.
Result<std::vector<Tensor>> synthetic_inputs(const ModelSpec& spec, BufferPool& pool, std::span<const Shape> shapes);

/// Runs the model once with each combination of shapes, one shape per input; stops at the first that fails.
Status run_shapes(Runner& runner, const ModelSpec& spec, BufferPool& pool, const std::vector<std::vector<Shape>>& all);

/// The first of a few usual sizes for dynamic dims with which the model runs; 0: none does.
int64_t runnable_dynamic_dim(Runner& runner, const ModelSpec& spec, BufferPool& pool);

/// Indices of every output, in model order.
std::vector<uint16_t> all_outputs(const ModelSpec& spec);

}  // namespace ortserve
