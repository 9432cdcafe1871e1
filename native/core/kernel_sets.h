// SPDX-License-Identifier: Apache-2.0
// The sets of one kind of kernels that this machine can run.
#pragma once

#include <array>
#include <cstddef>
#include <span>

namespace ortserve {

/// Fastest first: in the order in which they are added, at most three.
template <typename Set>
class KernelSets {
 public:
  void add(const Set& set) noexcept { sets_[count_++] = &set; }
  const Set& fastest() const noexcept { return *sets_[0]; }
  std::span<const Set* const> all() const noexcept { return {sets_.data(), count_}; }

 private:
  std::array<const Set*, 3> sets_{};
  size_t count_ = 0;
};

}  // namespace ortserve
