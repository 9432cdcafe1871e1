// SPDX-License-Identifier: Apache-2.0
#include "core/cache_key.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cstring>
#include <random>

namespace ortserve {

namespace {

// One input as the key sees it, without padding.
struct InputHead {
  uint64_t present;
  uint64_t dtype;
  uint64_t rank;
  std::array<int64_t, Shape::kMaxRank> dims;
};

CacheKey finish(const XXH3_state_t& state) noexcept {
  const XXH128_hash_t hash = XXH3_128bits_digest(&state);
  return {hash.low64, hash.high64};
}

void add_input(XXH3_state_t& state, bool present, const Tensor& input) noexcept {
  InputHead head{present, 0, 0, {}};
  if (present) {
    head.dtype = static_cast<uint64_t>(input.dtype);
    head.rank = input.shape.rank();
    for (size_t d = 0; d < input.shape.rank(); ++d) head.dims[d] = input.shape[d];
  }
  XXH3_128bits_update(&state, &head, sizeof head);
  if (!present) return;
  if (!input.offsets.empty())
    XXH3_128bits_update(&state, input.offsets.data(), input.offsets.size() * sizeof(uint64_t));
  if (!input.data.empty()) XXH3_128bits_update(&state, input.data.data(), input.data.size());
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

CacheKey CacheKeyMaker::key_of(const CacheKey& model, const Request& request) const noexcept {
  thread_local XXH3_state_t state;
  XXH3_128bits_reset_withSecret(&state, secret_.data(), kSecretSize);
  const std::array<uint64_t, 4> head{model.low, model.high, request.wanted.size(), request.inputs.size()};
  XXH3_128bits_update(&state, head.data(), sizeof head);
  if (!request.wanted.empty()) {
    XXH3_128bits_update(&state, request.wanted.data(), request.wanted.size() * sizeof(uint16_t));
  }
  for (size_t i = 0; i < request.inputs.size(); ++i) add_input(state, request.present[i], request.inputs[i]);
  return finish(state);
}

CacheKey CacheKeyMaker::digest_of(std::span<const std::byte> bytes) const noexcept {
  const XXH128_hash_t hash = XXH3_128bits_withSecret(bytes.data(), bytes.size(), secret_.data(), kSecretSize);
  return {hash.low64, hash.high64};
}

}  // namespace ortserve
