// SPDX-License-Identifier: Apache-2.0
// What becomes of a model's outputs before they are replies. Compiled once, when the model is loaded.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/model_spec.h"
#include "core/runner.h"

namespace ortserve {

/// The steps for one output, in the order in which they are taken. All of them work along the last dim, so that rows
/// stay independent. Scores come out as FP32.
struct OutputPlan {
  enum class Activation : uint8_t { kNone, kSoftmax, kSigmoid };

  /// UINT8 and INT8 become (q - zero_point) * scale.
  std::optional<float> scale;
  int32_t zero_point = 0;
  Activation activation = Activation::kNone;
  /// At most one of these three.
  bool argmax = false;             ///< the index of the largest value; NaN never is, and the first of equals is
  int64_t top_k = 0;               ///< the k largest values, descending, in a second output, and their indices; 0: no
  std::optional<float> threshold;  ///< whether a value reaches it: BOOL
  /// Names instead of indices, for argmax and top_k; empty: indices, as INT64.
  std::vector<std::string> labels;
  std::string name;         ///< of the output as clients see it; "": as in the graph
  std::string scores_name;  ///< of top_k's second output; "": `name` and "_scores"
};

/// Wraps `runner`, whose outputs are those of `spec`, so that it gives what `plans` (by output name) make of them, and
/// rewrites spec.outputs accordingly. Returns `runner` itself where there are no plans. `pool` outlives the result.
/// kInvalidArgument: no such output, or one that a step cannot be taken on.
Result<std::shared_ptr<Runner>> apply_output_plans(const std::map<std::string, OutputPlan>& plans,
                                                   std::shared_ptr<Runner> runner, BufferPool& pool, ModelSpec& spec);

}  // namespace ortserve
