// SPDX-License-Identifier: Apache-2.0
#include "engine/model_words.h"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <unordered_set>

namespace ortserve {

namespace {

constexpr size_t kMostWords = 256;
constexpr size_t kLongestWord = 64;               // bytes
constexpr uintmax_t kLargestFile = 256ull << 20;  // bytes

enum WireType : uint32_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

/// Walks the fields of one protobuf message; ends at whatever is none.
class Fields {
 public:
  explicit Fields(std::string_view bytes) noexcept : rest_(bytes) {}

  struct Field {
    uint32_t id;
    std::string_view bytes;  ///< of a field of bytes, else empty
  };

  std::optional<Field> next() noexcept {
    const auto key = varint();
    if (!key) return std::nullopt;
    const auto size = size_of(static_cast<uint32_t>(*key & 7));
    if (!size || *size > rest_.size()) return std::nullopt;
    const std::string_view bytes = rest_.substr(0, static_cast<size_t>(*size));
    rest_.remove_prefix(bytes.size());
    return Field{static_cast<uint32_t>(*key >> 3), (*key & 7) == kBytes ? bytes : std::string_view()};
  }

 private:
  std::optional<uint64_t> varint() noexcept {
    uint64_t value = 0;
    for (int shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
      const auto byte = static_cast<uint8_t>(rest_.front());
      rest_.remove_prefix(1);
      value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    return std::nullopt;
  }

  std::optional<uint64_t> size_of(uint32_t type) noexcept {
    switch (type) {
      case kVarint:
        return varint() ? std::optional<uint64_t>(0) : std::nullopt;
      case kFixed64:
        return 8;
      case kFixed32:
        return 4;
      case kBytes:
        return varint();
      default:
        return std::nullopt;
    }
  }

  std::string_view rest_;
};

class Words {
 public:
  void add(std::string_view word) {
    if (word.empty() || word.size() > kLongestWord || list.size() == kMostWords) return;
    if (seen_.emplace(word).second) list.emplace_back(word);
  }

  std::vector<std::string> list;

 private:
  std::unordered_set<std::string> seen_;
};

/// Calls `visit` with the bytes of each field `id` of a message.
template <typename Visit>
void each(std::string_view message, uint32_t id, Visit visit) {
  Fields fields(message);
  while (const auto field = fields.next()) {
    if (field->id == id) visit(field->bytes);
  }
}

}  // namespace

std::vector<std::string> words_of_model(std::string_view bytes) {
  Words words;
  const auto add = [&](std::string_view word) { words.add(word); };
  each(bytes, 7, [&](std::string_view graph) {
    each(graph, 1, [&](std::string_view node) {
      each(node, 5, [&](std::string_view attribute) {
        each(attribute, 9, add);  // strings
        each(attribute, 4, add);  // s
      });
    });
    each(graph, 5, [&](std::string_view initializer) { each(initializer, 6, add); });  // string_data
  });
  return std::move(words.list);
}

std::vector<std::string> words_of_file(const std::string& path) {
  std::error_code error;
  const auto native = std::filesystem::path(std::u8string(path.begin(), path.end()));
  const uintmax_t size = std::filesystem::file_size(native, error);
  if (error || size > kLargestFile) return {};
  std::ifstream file(native, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  return words_of_model(bytes);
}

}  // namespace ortserve
