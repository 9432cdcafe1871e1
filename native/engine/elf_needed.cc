// SPDX-License-Identifier: Apache-2.0
#include "engine/elf_needed.h"

#include <array>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <optional>
#include <span>

namespace ortserve {

namespace {

// Of the System V ABI; <elf.h> is not everywhere.
struct FileHeader {
  std::array<unsigned char, 16> ident;
  uint16_t type, machine;
  uint32_t version;
  uint64_t entry, program_headers, section_headers;
  uint32_t flags;
  uint16_t size, program_header_size, program_header_count, section_header_size, section_header_count, names_index;
};
struct ProgramHeader {
  uint32_t type, flags;
  uint64_t offset, address, physical, file_size, memory_size, align;
};
struct DynamicEntry {
  int64_t tag;
  uint64_t value;
};
constexpr uint32_t kLoad = 1;
constexpr uint32_t kDynamic = 2;
constexpr int64_t kNeeded = 1;
constexpr int64_t kStringTable = 5;
constexpr int64_t kStringTableSize = 10;
constexpr uint64_t kLargestPart = 16 << 20;  // nothing read here is anywhere near that size

class ElfFile {
 public:
  explicit ElfFile(const std::filesystem::path& path) : stream_(path, std::ios::binary) {}

  bool read_headers() {
    FileHeader header{};
    const bool is_elf = read(0, &header, sizeof header) && std::memcmp(header.ident.data(), "\177ELF\2\1", 6) == 0;
    if (!is_elf || header.program_header_size != sizeof(ProgramHeader)) return false;
    segments_.resize(header.program_header_count);
    return read(header.program_headers, segments_.data(), segments_.size() * sizeof(ProgramHeader));
  }

  std::optional<std::vector<DynamicEntry>> dynamic() {
    for (const ProgramHeader& segment : segments_) {
      if (segment.type != kDynamic || segment.file_size > kLargestPart) continue;
      std::vector<DynamicEntry> entries(segment.file_size / sizeof(DynamicEntry));
      if (read(segment.offset, entries.data(), entries.size() * sizeof(DynamicEntry))) return entries;
    }
    return std::nullopt;
  }

  /// `size` bytes that the loader would put at `address`.
  std::optional<std::string> at(uint64_t address, uint64_t size) {
    for (const ProgramHeader& segment : segments_) {
      if (segment.type != kLoad || address < segment.address || address - segment.address >= segment.file_size)
        continue;
      if (size > kLargestPart || size > segment.file_size - (address - segment.address)) return std::nullopt;
      std::string bytes(size, '\0');
      if (read(segment.offset + (address - segment.address), bytes.data(), size)) return bytes;
    }
    return std::nullopt;
  }

 private:
  bool read(uint64_t offset, void* target, size_t size) {
    stream_.seekg(static_cast<std::streamoff>(offset));
    stream_.read(static_cast<char*>(target), static_cast<std::streamsize>(size));
    return stream_.good();
  }

  std::ifstream stream_;
  std::vector<ProgramHeader> segments_;
};

uint64_t value_of(std::span<const DynamicEntry> entries, int64_t tag) {
  for (const DynamicEntry& entry : entries) {
    if (entry.tag == tag) return entry.value;
  }
  return 0;
}

}  // namespace

Result<std::vector<std::string>> elf_needed(const std::filesystem::path& path) {
  const Status unreadable(Code::kLibraryUnavailable, "expected a 64-bit ELF library, got '" + path.string() + "'");
  ElfFile file(path);
  if (!file.read_headers()) return unreadable;
  const auto entries = file.dynamic();
  if (!entries) return unreadable;
  const auto names = file.at(value_of(*entries, kStringTable), value_of(*entries, kStringTableSize));
  if (!names) return unreadable;
  std::vector<std::string> needed;
  for (const DynamicEntry& entry : *entries) {
    if (entry.tag != kNeeded) continue;
    if (entry.value >= names->size()) return unreadable;
    needed.emplace_back(names->c_str() + entry.value);  // ends in NUL at the latest with the string itself
  }
  return needed;
}

}  // namespace ortserve
