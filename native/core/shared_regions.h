// SPDX-License-Identifier: Apache-2.0
// System shared memory that clients have registered: tensors in it are read and written where they lie.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "core/buffer_pool.h"

namespace ortserve {

/// What a client says of a region.
struct RegionSpec {
  std::string name;     ///< by which requests refer to it
  std::string key;      ///< name of the POSIX shared memory object, such as "/input"
  uint64_t offset = 0;  ///< bytes before the region in the object
  uint64_t byte_size = 0;
};

/// Thread-safe. Memory that a request uses stays mapped until the request is done, whatever is removed meanwhile.
class SharedRegions {
 public:
  /// Maps a region. kInvalidArgument: the name is taken, no such object, or it is smaller than the region.
  /// kUnsupported: this system has no POSIX shared memory.
  Status add(const RegionSpec& spec);
  /// Forgets a region; false: there is none of that name.
  bool remove(std::string_view name) noexcept;
  void clear() noexcept;
  /// By name.
  std::vector<RegionSpec> list() const;

  /// Bytes [offset, offset + size) of a region, in place. kNotFound: no such region. kInvalidInput: they are not all in
  /// the region, or the object has been cut meanwhile.
  Result<Buffer> find(std::string_view name, uint64_t offset, uint64_t size) const;

 private:
  struct Mapping;
  struct Region {
    RegionSpec spec;
    std::shared_ptr<const Mapping> mapping;
  };

  mutable std::mutex mutex_;
  std::map<std::string, Region, std::less<>> regions_;
};

}  // namespace ortserve
