// SPDX-License-Identifier: Apache-2.0
#include "core/cache_key.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cstring>
#include <random>
#include <type_traits>

namespace ortserve {

namespace {

// What a request asks for, before its inputs.
struct Ask {
  CacheKey model;
  uint64_t outputs;  // 0: all
  CacheKey wanted;
  uint64_t inputs;
};

// One input as the key sees it, behind all that came before.
struct Input {
  CacheKey before;
  uint64_t present;
  uint64_t dtype;
  uint64_t rank;
  std::array<int64_t, Shape::kMaxRank> dims;
  CacheKey data;
  CacheKey offsets;
};

// Padding would be hashed as well.
static_assert(std::has_unique_object_representations_v<Ask> && std::has_unique_object_representations_v<Input>);

template <typename T>
std::span<const std::byte> bytes_of(const std::vector<T>& elements) noexcept {
  return std::as_bytes(std::span(elements));
}

}  // namespace

CacheKeyMaker::CacheKeyMaker() {
  std::random_device random;
  for (size_t i = 0; i < kSecretSize; i += sizeof(uint32_t)) {
    const uint32_t word = random();
    std::memcpy(secret_.data() + i, &word, sizeof word);
  }
}

CacheKeyMaker::CacheKeyMaker(std::span<const std::byte> passphrase) {
  XXH3_generateSecret(secret_.data(), kSecretSize, passphrase.data(), passphrase.size());
}

// Hashes of hashes, each of memory in one piece: XXH3's streaming form costs as much as hashing half a kilobyte.
CacheKey CacheKeyMaker::key_of(const CacheKey& model, const Request& request) const noexcept {
  const Ask ask{model, request.wanted.size(), digest_of(bytes_of(request.wanted)), request.inputs.size()};
  CacheKey key = digest_of(std::as_bytes(std::span(&ask, 1)));
  for (size_t i = 0; i < request.inputs.size(); ++i) key = key_with(key, request.present[i], request.inputs[i]);
  return key;
}

CacheKey CacheKeyMaker::key_with(const CacheKey& before, bool present, const Tensor& tensor) const noexcept {
  Input input{.before = before, .present = present};
  if (present) {
    input.dtype = static_cast<uint64_t>(tensor.dtype);
    input.rank = tensor.shape.rank();
    for (size_t d = 0; d < tensor.shape.rank(); ++d) input.dims[d] = tensor.shape[d];
    input.data = digest_of({tensor.data.data(), tensor.data.size()});
    if (!tensor.offsets.empty()) input.offsets = digest_of(bytes_of(tensor.offsets));
  }
  return digest_of(std::as_bytes(std::span(&input, 1)));
}

CacheKey CacheKeyMaker::digest_of(std::span<const std::byte> bytes) const noexcept {
  const XXH128_hash_t hash = XXH3_128bits_withSecret(bytes.data(), bytes.size(), secret_.data(), kSecretSize);
  return {hash.low64, hash.high64};
}

}  // namespace ortserve
