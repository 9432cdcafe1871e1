// SPDX-License-Identifier: Apache-2.0
// "did you mean ...?" for names in requests.
#pragma once

#include <string>
#include <string_view>

namespace ortserve {

/// Finds the known name closest to one that is not known. The work is bounded, whatever a request holds.
class ClosestName {
 public:
  explicit ClosestName(std::string_view typed) noexcept : typed_(typed) {}

  /// Considers one known name; it must outlive the ClosestName.
  void offer(std::string_view known);
  /// "; did you mean 'x'?", or "" when nothing was offered.
  std::string question() const;

 private:
  std::string_view typed_;
  std::string_view closest_;
  size_t distance_ = SIZE_MAX;
  int offered_ = 0;
};

}  // namespace ortserve
