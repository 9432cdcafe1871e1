// SPDX-License-Identifier: Apache-2.0
// Which shapes a model will be asked for, from what its configuration says of batches and of dynamic dims: for
// providers that prepare for shapes in advance. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/model_spec.h"

namespace ortserve {

/// What the configuration says. A dynamic first dim without sizes of its own counts rows.
struct ShapeHints {
  int64_t max_rows = 0;                              ///< of one run, at most; 0: not said
  std::vector<int64_t> preferred_rows;               ///< ascending
  std::vector<int64_t> pad_to;                       ///< ascending: every batch has one of these sizes
  std::map<std::string, std::vector<int64_t>> dims;  ///< sizes of dynamic dims by name, ascending
};

/// Shapes of one input: the least and the most that may come, and what will mostly come.
struct ShapeRange {
  Shape least, best, most;
  bool operator==(const ShapeRange&) const = default;
};

/// Rows of one run at most, where hints do not say.
inline constexpr int64_t kUnhintedRows = 64;

/// One range per input; of a fixed shape all three are the same. kInvalidArgument names a dynamic dim whose sizes are
/// not known.
Result<std::vector<ShapeRange>> shape_ranges(const ModelSpec& spec, const ShapeHints& hints);

/// 1, 2, 4, ... and `max_rows` itself.
std::vector<int64_t> doubling_sizes(int64_t max_rows);

/// Every combination of sizes, as one shape per input: each of `row_sizes` with each size of each dynamic dim, the
/// smallest first. kInvalidArgument: a dim's sizes are not known, or there are more than kMostFixedShapes combinations.
inline constexpr size_t kMostFixedShapes = 64;
Result<std::vector<std::vector<Shape>>> fixed_shapes(const ModelSpec& spec, const std::vector<int64_t>& row_sizes,
                                                     const ShapeHints& hints);

}  // namespace ortserve
