// SPDX-License-Identifier: Apache-2.0
#include "core/nearest_name.h"

#include <algorithm>
#include <array>
#include <numeric>

namespace ortserve {

namespace {

constexpr size_t kLongest = 64;  // bytes of a name that are compared
constexpr int kMostCandidates = 256;

// Insertions, deletions and replacements of single bytes between the first kLongest bytes of `a` and of `b`.
size_t edit_distance(std::string_view a, std::string_view b) noexcept {
  a = a.substr(0, kLongest);
  b = b.substr(0, kLongest);
  std::array<size_t, kLongest + 1> row;
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i + 1;
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t replaced = diagonal + (a[i] != b[j]);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, diagonal + 1});
    }
  }
  return row[b.size()];
}

// Whether `typed` is `known` without its namespace: what stands behind one of its dots.
bool lacks_namespace(std::string_view typed, std::string_view known) noexcept {
  return !typed.empty() && known.size() > typed.size() && known.ends_with(typed) &&
         known[known.size() - typed.size() - 1] == '.';
}

}  // namespace

void NearestName::offer(std::string_view known) noexcept {
  if (++offered_ > kMostCandidates) return;
  const size_t distance = lacks_namespace(typed_, known) ? 0 : edit_distance(typed_, known);
  if (distance >= distance_) return;
  distance_ = distance;
  nearest_ = known;
}

std::string NearestName::question() const {
  return offered_ ? "; did you mean '" + std::string(nearest_) + "'?" : "";
}

}  // namespace ortserve
