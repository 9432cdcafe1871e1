// SPDX-License-Identifier: Apache-2.0
// Results as bytes, for a store outside of the process: compact, sealed, little-endian.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "core/shared_cache.h"

namespace ortserve {

/// The version of the layout; part of every stored result's name, so that servers of different versions never read each
/// other's.
inline constexpr int kResultBlobVersion = 1;

/// Tensors of every datatype, sequences and maps. The last 16 bytes are a hash of key and content under the secret of
/// `keys`: what was cut, altered, or stored under another key does not pass for a result. nullopt: more than
/// `max_bytes`.
std::optional<std::vector<std::byte>> encode_result(const CacheKeyMaker& keys, const SharedKey& key,
                                                    std::span<const Value> outputs, size_t max_bytes);

/// What encode_result() made of `count` outputs; nullopt for anything else. The values have memory of their own.
std::optional<std::vector<Value>> decode_result(const CacheKeyMaker& keys, const SharedKey& key,
                                                std::span<const std::byte> blob, size_t count);

}  // namespace ortserve
