// SPDX-License-Identifier: Apache-2.0
#include "core/result_cache.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace ortserve {

namespace {

constexpr uint64_t kEntryOverhead = 320;  // bytes: the entry, its hash node and its output vector

// Moves a tensor into memory of its own size: a row of a batch must not keep the whole batch alive.
Buffer compact(const Buffer& data) {
  if (data.empty()) return {};
  auto* memory = new std::byte[data.size()];
  std::memcpy(memory, data.data(), data.size());
  return Buffer::lend(memory, data.size(), [memory] { delete[] memory; });
}

uint64_t compact(Tensor& tensor) {
  tensor.data = compact(tensor.data);
  return tensor.data.size() + tensor.offsets.size() * sizeof(uint64_t);
}

uint64_t compact(Value& value) {
  uint64_t bytes = sizeof(Value);
  if (value.kind == Value::Kind::kTensor) return bytes + compact(value.tensor);
  if (value.kind == Value::Kind::kMap) return bytes + compact(value.keys) + compact(value.values);
  for (Value& item : value.items) bytes += compact(item);
  return bytes;
}

void add(ResultCache::Stats& sum, const ResultCache::Stats& part) noexcept {
  sum.hits += part.hits;
  sum.misses += part.misses;
  sum.joins += part.joins;
  sum.inserted += part.inserted;
  sum.evicted += part.evicted;
  sum.expired += part.expired;
  sum.too_large += part.too_large;
  sum.entries += part.entries;
  sum.bytes += part.bytes;
}

}  // namespace

ResultCache::ResultCache(Limits limits) : shard_bytes_(limits.max_bytes / limits.shards), shards_(limits.shards) {}

CacheOutcome ResultCache::enter(Owner owner, std::unique_ptr<Request>& request, bool skip_lookup, TimePoint now) {
  const CacheKey key = request->cache_key;
  Shard& shard = shard_of(key);
  const std::lock_guard lock(shard.mutex);
  Stats& stats = shard.owners[owner].stats;
  const auto found = shard.entries.find(key);
  if (found != shard.entries.end() && !skip_lookup) {
    Entry& entry = found->second;
    if (now < entry.expires) {
      unlink(shard, entry);
      link(shard, entry);
      request->outputs = entry.outputs;
      ++stats.hits;
      return CacheOutcome::kHit;
    }
    ++stats.expired;
    remove(shard, entry);
  }
  const auto [running, first] = shard.running.try_emplace(key);
  if (first) {
    ++stats.misses;
    return CacheOutcome::kMiss;
  }
  ++stats.joins;
  running->second.push_back(std::move(request));
  return CacheOutcome::kJoin;
}

ResultCache::Joiners ResultCache::leave(Owner owner, const Request& leader, uint64_t owner_bytes, TimePoint expires) {
  Shard& shard = shard_of(leader.cache_key);
  const std::lock_guard lock(shard.mutex);
  if (leader.status.ok()) insert(shard, owner, leader, owner_bytes, expires);
  auto node = shard.running.extract(leader.cache_key);
  return node.empty() ? Joiners() : std::move(node.mapped());
}

void ResultCache::insert(Shard& shard, Owner owner, const Request& leader, uint64_t owner_bytes, TimePoint expires) {
  OwnerShare& share = shard.owners[owner];
  const uint64_t own_bound = owner_bytes > 0 ? std::min(owner_bytes / shards_.size(), shard_bytes_) : shard_bytes_;
  uint64_t bytes = kEntryOverhead;
  for (const Value& output : leader.outputs) bytes += output.byte_size();
  if (bytes > own_bound) {
    ++share.stats.too_large;
    return;
  }
  if (const auto old = shard.entries.find(leader.cache_key); old != shard.entries.end()) remove(shard, old->second);
  while (share.oldest && share.stats.bytes + bytes > own_bound) {
    ++share.stats.evicted;
    remove(shard, *share.oldest);
  }
  while (shard.oldest && shard.bytes + bytes > shard_bytes_) {
    ++shard.owners[shard.oldest->owner].stats.evicted;
    remove(shard, *shard.oldest);
  }
  Entry& entry = shard.entries[leader.cache_key];
  entry.key = leader.cache_key;
  entry.owner = owner;
  entry.outputs = leader.outputs;
  for (Value& output : entry.outputs) compact(output);
  entry.bytes = bytes;
  entry.expires = expires;
  link(shard, entry);
  ++share.stats.inserted;
}

void ResultCache::link(Shard& shard, Entry& entry) {
  OwnerShare& share = shard.owners[entry.owner];
  entry.newer = entry.newer_own = nullptr;
  entry.older = std::exchange(shard.newest, &entry);
  (entry.older ? entry.older->newer : shard.oldest) = &entry;
  entry.older_own = std::exchange(share.newest, &entry);
  (entry.older_own ? entry.older_own->newer_own : share.oldest) = &entry;
  shard.bytes += entry.bytes;
  share.stats.bytes += entry.bytes;
  ++share.stats.entries;
}

void ResultCache::unlink(Shard& shard, Entry& entry) {
  OwnerShare& share = shard.owners[entry.owner];
  (entry.newer ? entry.newer->older : shard.newest) = entry.older;
  (entry.older ? entry.older->newer : shard.oldest) = entry.newer;
  (entry.newer_own ? entry.newer_own->older_own : share.newest) = entry.older_own;
  (entry.older_own ? entry.older_own->newer_own : share.oldest) = entry.newer_own;
  shard.bytes -= entry.bytes;
  share.stats.bytes -= entry.bytes;
  --share.stats.entries;
}

void ResultCache::remove(Shard& shard, Entry& entry) {
  unlink(shard, entry);
  shard.entries.erase(entry.key);
}

void ResultCache::erase(Owner owner) {
  for (Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    const auto share = shard.owners.find(owner);
    if (share == shard.owners.end()) continue;
    while (share->second.oldest) remove(shard, *share->second.oldest);
  }
}

void ResultCache::clear() {
  for (Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    while (shard.oldest) remove(shard, *shard.oldest);
  }
}

ResultCache::Stats ResultCache::stats() const {
  Stats sum;
  for (const Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    for (const auto& [owner, share] : shard.owners) add(sum, share.stats);
  }
  return sum;
}

ResultCache::Stats ResultCache::stats(Owner owner) const {
  Stats sum;
  for (const Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    if (const auto share = shard.owners.find(owner); share != shard.owners.end()) add(sum, share->second.stats);
  }
  return sum;
}

}  // namespace ortserve
