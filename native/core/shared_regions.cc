// SPDX-License-Identifier: Apache-2.0
#include "core/shared_regions.h"

#ifndef _WIN32
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#endif

#include <cerrno>
#include <system_error>
#include <utility>

namespace ortserve {

#ifdef _WIN32

struct SharedRegions::Mapping {
  bool complete() const noexcept { return false; }
  static Result<std::shared_ptr<const Mapping>> create(const RegionSpec&) {
    return {Code::kUnsupported, "system shared memory is not supported on this platform"};
  }
  std::byte* data = nullptr;
};

#else

namespace {

std::string reason() {
  return std::generic_category().message(errno);
}

}  // namespace

struct SharedRegions::Mapping {
  Mapping(int descriptor, void* base, size_t length, size_t lead, uint64_t end) noexcept
      : data(static_cast<std::byte*>(base) + lead), descriptor_(descriptor), base_(base), length_(length), end_(end) {}
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping() {
    munmap(base_, length_);
    close(descriptor_);
  }

  static Result<std::shared_ptr<const Mapping>> create(const RegionSpec& spec);

  // Whether the object still has all bytes of the region: to read beyond its end would end the process.
  bool complete() const noexcept {
    struct stat info;
    return fstat(descriptor_, &info) == 0 && static_cast<uint64_t>(info.st_size) >= end_;
  }

  std::byte* const data;

 private:
  const int descriptor_;
  void* const base_;
  const size_t length_;
  const uint64_t end_;  // of the region in the object
};

Result<std::shared_ptr<const SharedRegions::Mapping>> SharedRegions::Mapping::create(const RegionSpec& spec) {
  const std::string object = "shared memory object '" + spec.key + "'";
  const int descriptor = shm_open(spec.key.c_str(), O_RDWR, 0);  // closed on exec
  if (descriptor < 0) return {Code::kInvalidArgument, "Unable to open " + object + ": " + reason()};
  struct stat info;
  const bool known = fstat(descriptor, &info) == 0;
  const uint64_t size = known ? static_cast<uint64_t>(info.st_size) : 0;
  if (spec.offset > size || spec.byte_size > size - spec.offset) {
    close(descriptor);
    return {Code::kInvalidArgument, object + " has " + std::to_string(size) + " bytes: expected " +
                                        std::to_string(spec.byte_size) + " from offset " + std::to_string(spec.offset) +
                                        " on"};
  }
  const auto lead = static_cast<size_t>(spec.offset % static_cast<uint64_t>(sysconf(_SC_PAGESIZE)));
  const size_t length = lead + static_cast<size_t>(spec.byte_size);
  void* const base =
      mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, static_cast<off_t>(spec.offset - lead));
  if (base == MAP_FAILED) {
    const std::string why = reason();
    close(descriptor);
    return {Code::kInvalidArgument, "Unable to map " + object + ": " + why};
  }
  return std::shared_ptr<const Mapping>(
      std::make_shared<Mapping>(descriptor, base, length, lead, spec.offset + spec.byte_size));
}

#endif

Status SharedRegions::add(const RegionSpec& spec) {
  if (spec.name.empty() || spec.key.empty() || spec.key.find('\0') != std::string::npos || spec.byte_size == 0) {
    return {Code::kInvalidArgument,
            "expected a name, a key and a byte_size above 0 for shared memory region '" + spec.name + "'"};
  }
  const std::lock_guard lock(mutex_);
  if (regions_.contains(spec.name)) {
    return {Code::kInvalidArgument, "shared memory region '" + spec.name + "' already in manager"};
  }
  auto mapping = Mapping::create(spec);
  if (!mapping.ok()) return mapping.take_status();
  regions_.emplace(spec.name, Region{spec, std::move(*mapping)});
  return {};
}

bool SharedRegions::remove(std::string_view name) noexcept {
  const std::lock_guard lock(mutex_);
  const auto found = regions_.find(name);
  if (found == regions_.end()) return false;
  regions_.erase(found);
  return true;
}

void SharedRegions::clear() noexcept {
  const std::lock_guard lock(mutex_);
  regions_.clear();
}

std::vector<RegionSpec> SharedRegions::list() const {
  const std::lock_guard lock(mutex_);
  std::vector<RegionSpec> specs;
  for (const auto& [name, region] : regions_) specs.push_back(region.spec);
  return specs;
}

Result<Buffer> SharedRegions::find(std::string_view name, uint64_t offset, uint64_t size) const {
  const std::lock_guard lock(mutex_);
  const auto found = regions_.find(name);
  const std::string region = "shared memory region: '" + std::string(name) + "'";
  if (found == regions_.end()) return {Code::kNotFound, "Unable to find " + region};
  const auto& [spec, mapping] = found->second;
  if (offset > spec.byte_size || size > spec.byte_size - offset) {
    return {Code::kInvalidInput, "Invalid offset and size for " + region + ": expected at most " +
                                     std::to_string(spec.byte_size) + " bytes, got " + std::to_string(size) +
                                     " from offset " + std::to_string(offset) + " on"};
  }
  if (!mapping->complete()) return {Code::kInvalidInput, "the object has become smaller than " + region};
  return Buffer::lend(mapping->data + offset, static_cast<size_t>(size), [held = mapping] {});
}

}  // namespace ortserve
