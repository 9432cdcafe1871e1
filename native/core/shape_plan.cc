// SPDX-License-Identifier: Apache-2.0
#include "core/shape_plan.h"

#include <algorithm>

namespace ortserve {

namespace {

struct DynamicDim {
  size_t input;
  size_t axis;
  std::string name;  // "" of rows
};

Status size_unknown(const InputSpec& input, size_t axis) {
  const std::string& name = axis < input.dim_names.size() ? input.dim_names[axis] : std::string();
  const std::string dim = name.empty() ? "dim " + std::to_string(axis) : "dim '" + name + "'";
  const std::string remedy =
      name.empty() ? "give the graph a name for it and its sizes in bucket_axes" : "give its sizes in bucket_axes";
  return {Code::kInvalidArgument, "the sizes of " + dim + " of input '" + input.name + "' " + input.dims.to_string() +
                                      " are not known in advance: " + remedy};
}

// Every dynamic dim, with the sizes it has by `hints`.
Result<std::vector<DynamicDim>> dynamic_dims(const ModelSpec& spec, const ShapeHints& hints) {
  std::vector<DynamicDim> dims;
  for (size_t i = 0; i < spec.inputs.size(); ++i) {
    const InputSpec& input = spec.inputs[i];
    for (size_t axis = 0; axis < input.dims.rank(); ++axis) {
      if (input.dims[axis] >= 0) continue;
      const std::string name = axis < input.dim_names.size() ? input.dim_names[axis] : std::string();
      const bool sized = hints.dims.contains(name) && !hints.dims.at(name).empty();
      if (!sized && axis > 0) return size_unknown(input, axis);
      dims.push_back({i, axis, sized ? name : std::string()});
    }
  }
  return dims;
}

struct Sizes {
  int64_t least, best, most;
};

Sizes row_sizes(const ShapeHints& hints) {
  int64_t most = hints.max_rows;
  if (!hints.preferred_rows.empty()) most = std::max(most, hints.preferred_rows.back());
  if (!hints.pad_to.empty()) most = std::max(hints.pad_to.back(), hints.max_rows);
  if (most == 0) most = kUnhintedRows;
  int64_t best = most;
  if (!hints.pad_to.empty()) best = hints.pad_to.back();
  if (!hints.preferred_rows.empty()) best = hints.preferred_rows.back();
  return {1, best, most};
}

}  // namespace

Result<std::vector<ShapeRange>> shape_ranges(const ModelSpec& spec, const ShapeHints& hints) {
  const auto dims = dynamic_dims(spec, hints);
  if (!dims.ok()) return dims.status();
  std::vector<ShapeRange> ranges;
  for (const InputSpec& input : spec.inputs) ranges.push_back({input.dims, input.dims, input.dims});
  for (const auto& [input, axis, name] : dims.value()) {
    Sizes sizes = row_sizes(hints);
    if (!name.empty()) {
      const auto& known = hints.dims.at(name);
      sizes = {known.front(), known.back(), known.back()};
    }
    ranges[input].least[axis] = sizes.least;
    ranges[input].best[axis] = sizes.best;
    ranges[input].most[axis] = sizes.most;
  }
  return ranges;
}

std::vector<int64_t> doubling_sizes(int64_t max_rows) {
  std::vector<int64_t> sizes;
  for (int64_t rows = 1; rows < max_rows; rows *= 2) sizes.push_back(rows);
  sizes.push_back(std::max<int64_t>(max_rows, 1));
  return sizes;
}

Result<std::vector<std::vector<Shape>>> fixed_shapes(const ModelSpec& spec, const std::vector<int64_t>& row_sizes,
                                                     const ShapeHints& hints) {
  const auto dims = dynamic_dims(spec, hints);
  if (!dims.ok()) return dims.status();
  std::map<std::string, std::vector<int64_t>> sizes;  // "": rows, which come first
  for (const DynamicDim& dim : dims.value()) sizes[dim.name] = dim.name.empty() ? row_sizes : hints.dims.at(dim.name);
  std::vector<std::map<std::string, int64_t>> choices(1);
  for (const auto& [name, known] : sizes) {
    if (choices.size() * known.size() > kMostFixedShapes) {
      return {Code::kInvalidArgument, "the sizes of pad_to and bucket_axes make more than " +
                                          std::to_string(kMostFixedShapes) + " combinations of shapes: name fewer"};
    }
    std::vector<std::map<std::string, int64_t>> longer;
    for (const auto& choice : choices) {
      for (const int64_t size : known) {
        longer.push_back(choice);
        longer.back()[name] = size;
      }
    }
    choices = std::move(longer);
  }
  std::vector<std::vector<Shape>> all;
  for (const auto& choice : choices) {
    std::vector<Shape>& shapes = all.emplace_back();
    for (const InputSpec& input : spec.inputs) shapes.push_back(input.dims);
    for (const auto& [input, axis, name] : dims.value()) shapes[input][axis] = choice.at(name);
  }
  return all;
}

}  // namespace ortserve
