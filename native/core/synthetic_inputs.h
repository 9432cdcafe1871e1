// SPDX-License-Identifier: Apache-2.0
// Made-up inputs that fit a model's declared shapes: for measuring and for checking, never for serving.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/model_spec.h"
#include "core/runner.h"

namespace ortserve {

/// What made-up values are. Booleans are false or true.
struct Variety {
  /// Floats lie in [-spread, spread), with 0 in [0, 1). FP16 and BF16 keep to about [-8, 8).
  double spread = 0;
  /// Integers lie in [0, integers), from -integers where `negative` and the type has a sign. No more than 128.
  uint64_t integers = 2;
  bool negative = false;
  /// What strings are, one in each row: the first row's, then those after it, from the start again. None: all are "".
  std::span<const std::string> words;
  size_t first_word = 0;
};

/// Pseudo-random inputs of `rows` rows (reproducible). Dynamic dims other than a batched model's first become
/// `dynamic_dim`.
Result<std::vector<Tensor>> synthetic_inputs(const ModelSpec& spec, BufferPool& pool, int64_t rows, int64_t dynamic_dim,
                                             const Variety& variety = {});
/// The same of given shapes, one per input.
Result<std::vector<Tensor>> synthetic_inputs(const ModelSpec& spec, BufferPool& pool, std::span<const Shape> shapes,
                                             const Variety& variety = {});

/// Runs the model once with each combination of shapes, one shape per input; stops at the first that fails.
Status run_shapes(Runner& runner, const ModelSpec& spec, BufferPool& pool, const std::vector<std::vector<Shape>>& all);

/// The first of a few usual sizes for dynamic dims with which the model runs; 0: none does.
int64_t runnable_dynamic_dim(Runner& runner, const ModelSpec& spec, BufferPool& pool);

/// Indices of every output, in model order.
std::vector<uint16_t> all_outputs(const ModelSpec& spec);

}  // namespace ortserve
