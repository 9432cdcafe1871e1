// SPDX-License-Identifier: Apache-2.0
#include "engine/trt_profile.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <optional>
#include <string_view>

namespace ortserve {

namespace {

constexpr std::array<const char*, 3> kKeys = {"trt_profile_min_shapes", "trt_profile_opt_shapes",
                                              "trt_profile_max_shapes"};

using ShapesByInput = std::map<std::string, std::vector<Shape>>;  // one shape per profile

std::optional<Shape> parse_shape(std::string_view text) {
  Shape shape;
  while (true) {
    int64_t dim = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), dim);
    if (error != std::errc{} || dim < 0 || !shape.push_back(dim)) return std::nullopt;
    text.remove_prefix(static_cast<size_t>(stop - text.data()));
    if (text.empty()) return shape;
    if (text.front() != 'x') return std::nullopt;
    text.remove_prefix(1);
  }
}

// "a:1x3,b:1" -> {a: [1,3], b: [1]}; a name may have a ':' itself.
Result<ShapesByInput> parse(const std::string& key, const std::string& value) {
  const Status malformed(Code::kInvalidArgument,
                         "expected name:1x3x224x224,... for the tensorrt option '" + key + "', got '" + value + "'");
  ShapesByInput shapes;
  std::string_view rest = value;
  while (!rest.empty()) {
    const std::string_view part = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(part.size() + 1, rest.size()));
    const size_t colon = part.rfind(':');
    if (colon == std::string_view::npos || colon == 0) return malformed;
    const auto shape = parse_shape(part.substr(colon + 1));
    if (!shape) return malformed;
    shapes[std::string(part.substr(0, colon))].push_back(*shape);
  }
  if (shapes.empty()) return malformed;
  return shapes;
}

bool is_dynamic(const InputSpec& input) {
  return std::ranges::any_of(input.dims.dims(), [](int64_t dim) { return dim < 0; });
}

bool fits(const InputSpec& input, const Shape& shape) {
  if (shape.rank() != input.dims.rank()) return false;
  for (size_t d = 0; d < shape.rank(); ++d) {
    if (input.dims[d] >= 0 && input.dims[d] != shape[d]) return false;
  }
  return true;
}

Status does_not_fit(const InputSpec& input, const std::string& why) {
  return {Code::kInvalidArgument,
          "the trt_profile_* shapes of input '" + input.name + "' " + input.dims.to_string() + " " + why};
}

/// What the profiles of one input cover together.
Result<ShapeRange> cover(const InputSpec& input, const std::array<ShapesByInput, 3>& all) {
  const auto of = [&](size_t which) -> const std::vector<Shape>* {
    const auto found = all[which].find(input.name);
    return found == all[which].end() ? nullptr : &found->second;
  };
  const auto *least = of(0), *best = of(1), *most = of(2);
  if (!least || !best || !most) return does_not_fit(input, "are missing: every dynamic input must be in all three");
  if (least->size() != best->size() || best->size() != most->size()) {
    return does_not_fit(input, "do not match: expected as many in each of the three");
  }
  ShapeRange range{least->front(), best->front(), most->front()};
  for (size_t p = 0; p < least->size(); ++p) {
    const Shape &low = (*least)[p], &middle = (*best)[p], &high = (*most)[p];
    if (!fits(input, low) || !fits(input, middle) || !fits(input, high)) return does_not_fit(input, "do not fit it");
    for (size_t d = 0; d < low.rank(); ++d) {
      if (low[d] > middle[d] || middle[d] > high[d]) return does_not_fit(input, "are not in order: min, opt, max");
      range.least[d] = std::min(range.least[d], low[d]);
      range.most[d] = std::max(range.most[d], high[d]);
    }
  }
  return range;
}

std::string shape_text(const std::string& name, const Shape& shape) {
  std::string text = name + ":";
  for (size_t d = 0; d < shape.rank(); ++d) text += (d ? "x" : "") + std::to_string(shape[d]);
  return text;
}

}  // namespace

Result<std::vector<ShapeRange>> profile_of_user(const ModelSpec& spec, const ProviderSettings& settings) {
  std::vector<ShapeRange> ranges;
  std::array<ShapesByInput, 3> all;
  size_t given = 0;
  for (size_t which = 0; which < kKeys.size(); ++which) {
    const auto found = settings.find(kKeys[which]);
    if (found == settings.end() || found->second.empty()) continue;
    auto shapes = parse(kKeys[which], found->second);
    if (!shapes.ok()) return shapes.take_status();
    all[which] = std::move(*shapes);
    ++given;
  }
  if (given == 0) return ranges;
  if (given < kKeys.size()) {
    return {Code::kInvalidArgument,
            "expected all three of trt_profile_min_shapes, trt_profile_opt_shapes and trt_profile_max_shapes, or none"};
  }
  for (const InputSpec& input : spec.inputs) {
    if (!is_dynamic(input)) {
      ranges.push_back({input.dims, input.dims, input.dims});
      continue;
    }
    auto range = cover(input, all);
    if (!range.ok()) return range.take_status();
    ranges.push_back(*range);
  }
  return ranges;
}

void set_profile(ProviderSettings& settings, const ModelSpec& spec, const std::vector<ShapeRange>& ranges) {
  std::array<std::string, 3> texts;
  for (size_t i = 0; i < spec.inputs.size(); ++i) {
    if (!is_dynamic(spec.inputs[i])) continue;
    const std::array<const Shape*, 3> shapes = {&ranges[i].least, &ranges[i].best, &ranges[i].most};
    for (size_t which = 0; which < texts.size(); ++which) {
      if (!texts[which].empty()) texts[which] += ',';
      texts[which] += shape_text(spec.inputs[i].name, *shapes[which]);
    }
  }
  for (size_t which = 0; which < texts.size(); ++which) {
    if (!texts[which].empty()) settings[kKeys[which]] = texts[which];
  }
}

}  // namespace ortserve
