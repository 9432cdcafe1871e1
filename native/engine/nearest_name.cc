// SPDX-License-Identifier: Apache-2.0
#include "engine/nearest_name.h"

#include <algorithm>
#include <numeric>
#include <string>
#include <vector>

namespace ortserve {

size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i + 1;
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t replaced = diagonal + (a[i] != b[j]);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

std::string_view nearest_name(std::span<const std::string_view> names, std::string_view typed) {
  std::string_view best;
  size_t best_distance = SIZE_MAX;
  for (const std::string_view name : names) {
    const bool namespace_left_out = !typed.empty() && name.ends_with("." + std::string(typed));
    const size_t distance = namespace_left_out ? 0 : edit_distance(name, typed);
    if (distance < best_distance) {
      best_distance = distance;
      best = name;
    }
  }
  return best;
}

}  // namespace ortserve
