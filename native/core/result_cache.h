// SPDX-License-Identifier: Apache-2.0
// The prediction cache: a sharded LRU of results, bounded in bytes, with one run for identical requests in flight.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

#include "core/key_table.h"
#include "core/request.h"

namespace ortserve {

/// Bytes that processors move between cores as one: what different threads write at once is kept further apart.
inline constexpr size_t kCacheLine = 64;

/// Thread-safe. Every result belongs to an owner (a model version), so that one can be bounded and emptied without the
/// others. Shards only part the lock: bounds and the order of eviction are those of the whole.
class ResultCache {
  struct Entry;

 public:
  struct Limits {
    uint64_t max_bytes = 0;  ///< of all results together, bookkeeping included
    size_t shards = 16;      ///< a power of two
  };
  /// Requests are counted when they are answered, each once.
  struct Stats {
    uint64_t hits = 0, misses = 0, joins = 0;
    uint64_t inserted = 0;
    uint64_t evicted = 0;    ///< to make room
    uint64_t expired = 0;    ///< found too old
    uint64_t too_large = 0;  ///< results larger than the owner's bound
    uint64_t entries = 0, bytes = 0;
  };
  using Joiners = std::vector<std::unique_ptr<Request>>;

  /// One model version's part of the cache. Its results go with it.
  class Owner {
   public:
    ~Owner() { cache_.erase(*this); }

   private:
    friend class ResultCache;
    struct alignas(kCacheLine) Part {  // guarded by the mutex of the shard with its index
      Entry* newest = nullptr;
      Entry* oldest = nullptr;
      Stats stats;
    };
    Owner(ResultCache& cache, uint64_t max_bytes);

    ResultCache& cache_;
    const uint64_t max_bytes_;
    std::atomic<uint64_t> erasures_{0};
    std::vector<Part> parts_;
    std::vector<std::atomic<int64_t>> oldest_use_;        // per shard
    alignas(kCacheLine) std::atomic<uint64_t> bytes_{0};  // changes with every result, unlike what stands above
  };

  /// How a leader's work ended.
  struct Ending {
    TimePoint now{};
    TimePoint expires = TimePoint::max();
    bool shared_fate = true;  ///< the joiners get the leader's answer; else they are not counted yet
  };

  explicit ResultCache(Limits limits);

  /// An owner whose results take at most `max_bytes`; 0: only the cache's own bound. The cache outlives it.
  std::unique_ptr<Owner> open(uint64_t max_bytes);

  /// Looks `request` up under its cache_key. kHit: its outputs are set (they share the cache's memory). kJoin: an
  /// identical request is running; this one was taken and comes back from leave(). kMiss: the caller finds the result
  /// out and then calls leave(). `skip_lookup`: never a hit, for a caller who wants a fresh result; it may still join.
  CacheOutcome enter(Owner& owner, std::unique_ptr<Request>& request, bool skip_lookup, TimePoint now);

  /// Whether `result`, which a request was answered with, is there still; then it was used again, and this is one hit
  /// more.
  bool use_again(const CachedResult& result, TimePoint now);

  /// Ends what enter() began with kMiss, counting it as leader.cache_outcome says (kMiss or kHit). A request that
  /// succeeded is stored, unless the owner was erased in between. Returns those that joined meanwhile, for the caller
  /// to answer.
  Joiners leave(Owner& owner, const Request& leader, const Ending& ending);

  /// Drops an owner's results, those of runs in flight included: they still answer, and are not stored.
  void erase(Owner& owner);
  Stats stats(const Owner& owner) const;
  /// Of all owners, bookkeeping included.
  uint64_t bytes() const noexcept { return bytes_.load(std::memory_order_relaxed); }

 private:
  struct alignas(kCacheLine) Entry {  // two cache lines, of which the neighbours in the lists touch the first
    Entry* newer = nullptr;           // in the shard
    Entry* older = nullptr;
    Entry* newer_own = nullptr;  // among the owner's entries in the shard
    Entry* older_own = nullptr;
    std::vector<Value> outputs;
    uint64_t bytes = 0;  // 0: no result yet
    // Of the second line.
    CacheKey key;
    Owner* owner = nullptr;
    TimePoint used;
    TimePoint expires;
    uint64_t erasures = 0;  // of the owner, when the run began: a result older than an erasure is not kept
    std::unique_ptr<Joiners> joiners;
    uint64_t number : 63 = 0;  // of the result
    uint64_t running : 1 = false;
  };
  struct alignas(kCacheLine) Shard {
    ~Shard();
    mutable std::mutex mutex;                   // guards the rest
    KeyTable<Entry> entries;                    // its own
    std::vector<std::unique_ptr<Entry>> spare;  // dropped ones, for new: another thread would have to free them
    uint64_t stored = 0;                        // results ever: the number of the last one
    Entry* newest = nullptr;
    Entry* oldest = nullptr;
  };
  using OldestUse = std::vector<std::atomic<int64_t>>;  // per shard; kNever where there is nothing

  size_t index_of(const CacheKey& key) const noexcept { return key.high & (shards_.size() - 1); }
  bool make_room(Owner& owner, uint64_t bytes);
  void give_back(Owner& owner, uint64_t bytes) noexcept;
  bool evict_oldest(OldestUse& among, Owner* owner);

  // These expect the shard's mutex to be held.
  static Entry& new_entry(Shard& shard, const CacheKey& key, Owner& owner);
  static void remove_entry(Shard& shard, Entry& entry) noexcept;
  static void prefetch(const Entry* next) noexcept;
  void hit(size_t shard, Entry& entry, TimePoint now);
  void link(size_t shard, Entry& entry);
  void unlink(size_t shard, Entry& entry);
  void drop_result(size_t shard, Entry& entry);
  void drop(size_t shard, Entry& entry);

  const uint64_t max_bytes_;
  std::vector<Shard> shards_;
  OldestUse oldest_use_;
  alignas(kCacheLine) std::atomic<uint64_t> bytes_{0};
};

}  // namespace ortserve
