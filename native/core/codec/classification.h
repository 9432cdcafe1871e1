// SPDX-License-Identifier: Apache-2.0
// The classification extension: the best elements of an output instead of all.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/model_spec.h"
#include "core/tensor.h"

namespace ortserve {

/// kInvalidInput: the elements of `output` cannot be ranked.
Status check_classification(const OutputSpec& output);

/// Strings "VALUE:INDEX", or "VALUE:INDEX:LABEL" where there are as many labels as elements to choose from: the `count`
/// largest elements, or all if there are fewer, largest first; among equals the first one, NaN last. Of each row along
/// dim 0 of `scores` if `by_row` (shape [rows, count]), else of all elements (shape [count]).
Tensor classify(const Tensor& scores, uint32_t count, bool by_row, const std::vector<std::string>& labels);

}  // namespace ortserve
