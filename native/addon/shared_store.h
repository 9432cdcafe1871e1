// SPDX-License-Identifier: Apache-2.0
// The core's way to the store of the second cache level: callbacks into the JavaScript thread that talks to it.
#pragma once

#include <memory>
#include <string>

#include "addon/environment.h"
#include "core/shared_cache.h"

namespace ortserve {

/// 32 hexadecimal digits.
std::string shared_name(const CacheKey& key);
/// What shared_name() made; kInvalidArgument for anything else.
Result<CacheKey> shared_key_of(const std::string& name);

/// Posts every call to the environment's thread. Calls that come when the environment is gone are dropped; it has
/// disconnected the store by then, which ends what was asked.
class SharedStore final : public SharedCache::Transport {
 public:
  explicit SharedStore(Environment& environment);

  void lookup(uint64_t ticket, const SharedKey& key, bool wants_ttl) noexcept override;
  void store(uint64_t ticket, const SharedKey& key, std::vector<std::byte> value, uint64_t generation,
             Nanoseconds ttl) noexcept override;
  void flush(const CacheKey& model) noexcept override;

 private:
  Environment* const environment_;  // alive whenever its port runs a notice
  const std::shared_ptr<CompletionPort> completions_;
};

}  // namespace ortserve
