// SPDX-License-Identifier: Apache-2.0
// What makes two requests the same to the prediction cache.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "core/request.h"

namespace ortserve {

/// Makes 128-bit keys with XXH3 under a secret, so that nobody who lacks it can make two requests collide. Thread-safe.
class CacheKeyMaker {
 public:
  static constexpr size_t kSecretSize = 192;  // bytes, XXH3's default

  /// A secret of this process's own.
  CacheKeyMaker();
  /// The secret that `passphrase` stands for: servers that share a second cache level share it.
  explicit CacheKeyMaker(std::span<const std::byte> passphrase);

  /// Of the model (its digest), the outputs asked for, and each input's presence, dtype, shape and bytes: two spellings
  /// of one JSON have one key.
  CacheKey key_of(const CacheKey& model, const Request& request) const noexcept;
  /// Of plain bytes, such as a model file.
  CacheKey digest_of(std::span<const std::byte> bytes) const noexcept;

 private:
  CacheKey key_with(const CacheKey& before, bool present, const Tensor& tensor) const noexcept;

  alignas(64) std::array<std::byte, kSecretSize> secret_;
};

}  // namespace ortserve
