// SPDX-License-Identifier: Apache-2.0
#include "core/model_digest.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <fstream>
#include <span>
#include <string_view>

namespace ortserve {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPublicSecret = "ortserve model digest";
constexpr size_t kChunk = 1 << 20;
constexpr size_t kLongestLocation = 4096;
constexpr int kMaxDepth = 64;  // of messages in messages: subgraphs of subgraphs

Status unreadable(const fs::path& path) {
  const std::u8string name = path.u8string();
  return {Code::kModelNotFound, "cannot read '" + std::string(name.begin(), name.end()) + "'"};
}

// The messages of onnx.proto that lead to a tensor's external data.
enum class Message : uint8_t { kNone, kModel, kGraph, kFunction, kNode, kAttribute, kSparse, kTensor, kEntry };

struct Child {
  Message parent;
  uint64_t field;
  Message message;
};
constexpr std::array kChildren{
    Child{Message::kModel, 7, Message::kGraph},         Child{Message::kModel, 25, Message::kFunction},
    Child{Message::kGraph, 1, Message::kNode},          Child{Message::kGraph, 5, Message::kTensor},
    Child{Message::kGraph, 15, Message::kSparse},       Child{Message::kFunction, 7, Message::kNode},
    Child{Message::kFunction, 11, Message::kAttribute}, Child{Message::kNode, 5, Message::kAttribute},
    Child{Message::kAttribute, 5, Message::kTensor},    Child{Message::kAttribute, 6, Message::kGraph},
    Child{Message::kAttribute, 10, Message::kTensor},   Child{Message::kAttribute, 11, Message::kGraph},
    Child{Message::kAttribute, 22, Message::kSparse},   Child{Message::kAttribute, 23, Message::kSparse},
    Child{Message::kSparse, 1, Message::kTensor},       Child{Message::kSparse, 2, Message::kTensor},
    Child{Message::kTensor, 13, Message::kEntry},
};

Message child_of(Message parent, uint64_t field) {
  for (const Child& child : kChildren) {
    if (child.parent == parent && child.field == field) return child.message;
  }
  return Message::kNone;
}

// Walks a protocol buffer in a file, skipping what does not matter.
class Walker {
 public:
  explicit Walker(std::ifstream& file, uint64_t size) : file_(file), size_(size) {}

  std::vector<std::string> locations() {
    message(Message::kModel, size_, 0);
    std::ranges::sort(locations_);
    // Not ranges::unique: clang 14 cannot compile it with libstdc++ 12.
    locations_.erase(std::unique(locations_.begin(), locations_.end()), locations_.end());
    return std::move(locations_);
  }

 private:
  bool varint(uint64_t& value) {
    value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const int byte = file_.get();
      if (byte < 0) return false;
      ++at_;
      value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return true;
    }
    return false;
  }

  bool skip(uint64_t size, uint64_t end) {
    if (size > end - at_) return false;
    at_ += size;
    // Seeking throws the buffer away: short distances are read over.
    return static_cast<bool>(size < 4096 ? file_.ignore(static_cast<std::streamsize>(size))
                                         : file_.seekg(static_cast<std::streamoff>(at_)));
  }

  bool text(std::string& text, uint64_t size, uint64_t end) {
    if (size > kLongestLocation || size > end - at_) return skip(size, end);
    text.resize(size);
    at_ += size;
    return static_cast<bool>(file_.read(text.data(), static_cast<std::streamsize>(size)));
  }

  // False: not a protocol buffer of this kind.
  bool message(Message kind, uint64_t end, int depth) {
    std::string key;
    std::string value;
    while (at_ < end) {
      uint64_t tag = 0;
      if (!varint(tag) || at_ > end || !field(kind, tag, end, depth, key, value)) return false;
    }
    if (kind == Message::kEntry && key == "location") locations_.push_back(value);
    return true;
  }

  bool field(Message kind, uint64_t tag, uint64_t end, int depth, std::string& key, std::string& value) {
    uint64_t size = 0;
    switch (tag & 7) {
      case 0:
        return varint(size);
      case 1:
        return skip(8, end);
      case 5:
        return skip(4, end);
      case 2:
        break;
      default:
        return false;
    }
    if (!varint(size) || at_ > end || size > end - at_) return false;
    const uint64_t number = tag >> 3;
    if (kind == Message::kEntry && number == 1) return text(key, size, end);
    if (kind == Message::kEntry && number == 2) return text(value, size, end);
    const Message child = child_of(kind, number);
    return child == Message::kNone || depth >= kMaxDepth ? skip(size, end) : message(child, at_ + size, depth + 1);
  }

  std::ifstream& file_;
  const uint64_t size_;
  uint64_t at_ = 0;
  std::vector<std::string> locations_;
};

const CacheKeyMaker& public_keys() {
  static const CacheKeyMaker keys(std::as_bytes(std::span(kPublicSecret)));
  return keys;
}

CacheKey joined(const CacheKeyMaker& keys, const CacheKey& so_far, std::span<const std::byte> bytes) {
  const CacheKey next = keys.digest_of(bytes);
  const std::array<uint64_t, 4> parts{so_far.low, so_far.high, next.low, next.high};
  return keys.digest_of(std::as_bytes(std::span(parts)));
}

Status add_file(const CacheKeyMaker& keys, const fs::path& path, CacheKey& digest) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return unreadable(path);
  std::vector<char> chunk(kChunk);
  uint64_t size = 0;
  while (file) {
    file.read(chunk.data(), static_cast<std::streamsize>(chunk.size()));
    const auto count = static_cast<size_t>(file.gcount());
    size += count;
    if (count > 0) digest = joined(keys, digest, std::as_bytes(std::span(chunk).first(count)));
  }
  if (file.bad()) return unreadable(path);
  digest = joined(keys, digest, std::as_bytes(std::span(&size, 1)));
  return {};
}

// External data lies beside the model file: beside the link to it, or where the link leads.
fs::path beside(const fs::path& model, const std::string& name) {
  const fs::path relative(std::u8string(name.begin(), name.end()));
  const fs::path near = model.parent_path() / relative;
  std::error_code error;
  if (fs::exists(near, error)) return near;
  const fs::path canonical = fs::canonical(model, error);
  return error ? near : canonical.parent_path() / relative;
}

}  // namespace

Result<std::vector<std::string>> external_data_files(const fs::path& path) {
  std::error_code error;
  const uint64_t size = fs::file_size(path, error);
  std::ifstream file(path, std::ios::binary);
  if (error || !file) return unreadable(path);
  return Walker(file, size).locations();
}

Result<CacheKey> digest_model(const fs::path& path, const std::string& options) {
  const CacheKeyMaker& keys = public_keys();
  auto files = external_data_files(path);
  if (!files.ok()) return files.take_status();
  CacheKey digest = keys.digest_of(std::as_bytes(std::span(options)));
  ORTSERVE_RETURN_IF_ERROR(add_file(keys, path, digest));
  for (const std::string& name : *files) {
    digest = joined(keys, digest, std::as_bytes(std::span(name)));
    ORTSERVE_RETURN_IF_ERROR(add_file(keys, beside(path, name), digest));
  }
  return digest;
}

CacheKey extend_digest(const CacheKey& digest, const std::string& options) noexcept {
  return joined(public_keys(), digest, std::as_bytes(std::span(options)));
}

}  // namespace ortserve
