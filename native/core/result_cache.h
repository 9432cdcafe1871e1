// SPDX-License-Identifier: Apache-2.0
// The prediction cache: a sharded LRU of results, bounded in bytes, with one run for identical requests in flight.
#pragma once

#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "core/request.h"

namespace ortserve {

/// Thread-safe. Entries belong to owners (model versions), so that one can be bounded and emptied without the others.
class ResultCache {
 public:
  using Owner = uint64_t;
  struct Limits {
    uint64_t max_bytes = 0;  ///< of all results together, bookkeeping included
    size_t shards = 16;      ///< each holds its share of every bound; a power of two
  };
  struct Stats {
    uint64_t hits = 0, misses = 0, joins = 0;
    uint64_t inserted = 0;
    uint64_t evicted = 0;    ///< to make room
    uint64_t expired = 0;    ///< found too old
    uint64_t too_large = 0;  ///< results larger than a shard
    uint64_t entries = 0, bytes = 0;
  };
  using Joiners = std::vector<std::unique_ptr<Request>>;

  explicit ResultCache(Limits limits);

  /// Looks `request` up under its cache_key. kHit: its outputs are set (they share the cache's memory). kJoin: an
  /// identical request is running; this one was taken and comes back from leave(). kMiss: the caller runs it and then
  /// calls leave(). `skip_lookup`: never a hit, for a caller who wants a fresh result; it may still join.
  CacheOutcome enter(Owner owner, std::unique_ptr<Request>& request, bool skip_lookup, TimePoint now);

  /// Ends what enter() began with kMiss. A request that succeeded is stored until `expires`, within `owner_bytes` (0:
  /// only the cache's own bound). Returns those that joined meanwhile, for the caller to answer.
  Joiners leave(Owner owner, const Request& leader, uint64_t owner_bytes, TimePoint expires);

  /// Drops an owner's results. Runs in flight are not disturbed.
  void erase(Owner owner);
  void clear();
  Stats stats() const;
  Stats stats(Owner owner) const;

 private:
  struct KeyHash {
    size_t operator()(const CacheKey& key) const noexcept { return static_cast<size_t>(key.low); }
  };
  struct Entry {
    CacheKey key;
    Owner owner = 0;
    std::vector<Value> outputs;
    uint64_t bytes = 0;
    TimePoint expires;
    Entry* newer = nullptr;  // in the shard
    Entry* older = nullptr;
    Entry* newer_own = nullptr;  // among the owner's entries in the shard
    Entry* older_own = nullptr;
  };
  struct OwnerShare {
    Entry* newest = nullptr;
    Entry* oldest = nullptr;
    Stats stats;
  };
  struct Shard {
    mutable std::mutex mutex;  // guards the rest
    std::unordered_map<CacheKey, Entry, KeyHash> entries;
    std::unordered_map<CacheKey, Joiners, KeyHash> running;
    std::unordered_map<Owner, OwnerShare> owners;
    Entry* newest = nullptr;
    Entry* oldest = nullptr;
    uint64_t bytes = 0;
  };

  Shard& shard_of(const CacheKey& key) noexcept { return shards_[key.high & (shards_.size() - 1)]; }
  static void link(Shard& shard, Entry& entry);
  static void unlink(Shard& shard, Entry& entry);
  static void remove(Shard& shard, Entry& entry);
  void insert(Shard& shard, Owner owner, const Request& leader, uint64_t owner_bytes, TimePoint expires);

  const uint64_t shard_bytes_;
  std::vector<Shard> shards_;
};

}  // namespace ortserve
