// SPDX-License-Identifier: Apache-2.0
// "Did you mean ...?" for names in requests, options and configuration.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace ortserve {

/// Finds the known name that one which is not known most likely meant: one that it is the end of ("log" for "my.log"),
/// else the one the fewest edits away; the first of several. The work is bounded, whatever a request holds: it looks at
/// the first 64 bytes of the first 256 names.
class NearestName {
 public:
  /// `typed` must outlive the NearestName.
  explicit NearestName(std::string_view typed) noexcept : typed_(typed) {}

  /// Considers one known name; it must outlive the NearestName.
  void offer(std::string_view known) noexcept;
  /// The nearest of the names offered; "" when there were none.
  std::string_view name() const noexcept { return nearest_; }
  /// "; did you mean 'x'?", or "" when nothing was offered.
  std::string question() const;

 private:
  std::string_view typed_;
  std::string_view nearest_;
  size_t distance_ = SIZE_MAX;
  int offered_ = 0;
};

}  // namespace ortserve
