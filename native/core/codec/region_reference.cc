// SPDX-License-Identifier: Apache-2.0
#include "core/codec/region_reference.h"

#include "core/codec/json_scalar.h"

namespace ortserve {

Status RegionReference::read(JsonCursor& cursor, std::string_view key) {
  used_ = true;
  if (key == "shared_memory_region") return read_string(cursor, key, name_.emplace());
  if (key == "shared_memory_byte_size") return read_uint64(cursor, key, size_.emplace());
  if (key == "shared_memory_offset") return read_uint64(cursor, key, offset_);
  return cursor.skip_value();
}

Result<Buffer> RegionReference::find(const SharedRegions* regions) const {
  if (!name_ || !size_) {
    return {Code::kInvalidInput, "expected 'shared_memory_region' and 'shared_memory_byte_size', got only one of them"};
  }
  if (!regions) return {Code::kNotFound, "Unable to find shared memory region: '" + *name_ + "'"};
  return regions->find(*name_, offset_, *size_);
}

}  // namespace ortserve
