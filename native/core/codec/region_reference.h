// SPDX-License-Identifier: Apache-2.0
// The parameters by which a tensor of an Open Inference request refers to shared memory.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/codec/json_cursor.h"
#include "core/shared_regions.h"

namespace ortserve {

class RegionReference {
 public:
  static bool owns(std::string_view key) noexcept { return key.starts_with("shared_memory_"); }
  /// Reads the parameter `key`, one of those that owns() is true of.
  Status read(JsonCursor& cursor, std::string_view key);

  /// Whether a region is named, or should be: one of the parameters came.
  bool used() const noexcept { return used_; }
  /// The bytes referred to, in place. `regions` may be nullptr. kInvalidInput, kNotFound.
  Result<Buffer> find(const SharedRegions* regions) const;

 private:
  bool used_ = false;
  std::optional<std::string> name_;
  std::optional<uint64_t> size_;
  uint64_t offset_ = 0;
};

}  // namespace ortserve
