// SPDX-License-Identifier: Apache-2.0
// "Did you mean ...?"
#pragma once

#include <span>
#include <string_view>

namespace ortserve {

/// Single-character insertions, deletions and replacements that turn `a` into `b`.
size_t edit_distance(std::string_view a, std::string_view b);

/// The one of `names` that `typed` most likely meant: one that ends with it, else the one at the least edit distance.
/// The first of several; "" when there are no names.
std::string_view nearest_name(std::span<const std::string_view> names, std::string_view typed);

}  // namespace ortserve
