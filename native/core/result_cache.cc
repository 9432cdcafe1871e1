// SPDX-License-Identifier: Apache-2.0
#include "core/result_cache.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace ortserve {

namespace {

constexpr uint64_t kEntryOverhead = 384;  // bytes: the entry, its slot in the table and its outputs without their data
constexpr size_t kSpareEntries = 16;      // per shard
constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

int64_t ticks(TimePoint time) noexcept {
  return time.time_since_epoch().count();
}

// Moves a tensor into memory of its own size: a row of a batch must not keep the whole batch alive. False: no memory.
bool compact(Tensor& tensor) {
  if (tensor.data.empty()) return true;
  tensor.data = Buffer::copy_of({tensor.data.data(), tensor.data.size()});
  return !tensor.data.empty();
}

bool compact(Value& value) {
  switch (value.kind) {
    case Value::Kind::kTensor:
    case Value::Kind::kMap:  // whose keys are memory of their own, which all rows with the same share
      return compact(value.tensor);
    case Value::Kind::kSequence:
      return std::ranges::all_of(value.items, [](Value& item) { return compact(item); });
  }
  return false;
}

uint64_t size_of(const std::vector<Value>& outputs) noexcept {
  uint64_t bytes = kEntryOverhead;
  for (const Value& output : outputs) bytes += output.byte_size();
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

ResultCache::Owner::Owner(ResultCache& cache, uint64_t max_bytes)
    : cache_(cache), max_bytes_(max_bytes), parts_(cache.shards_.size()), oldest_use_(cache.shards_.size()) {
  for (auto& use : oldest_use_) use = kNever;
}

ResultCache::Shard::~Shard() {
  entries.for_each([](Entry& entry) { delete &entry; });
}

ResultCache::ResultCache(Limits limits)
    : max_bytes_(limits.max_bytes), shards_(limits.shards), oldest_use_(limits.shards) {
  for (auto& use : oldest_use_) use = kNever;
  for (Shard& shard : shards_) shard.spare.reserve(kSpareEntries);
}

std::unique_ptr<ResultCache::Owner> ResultCache::open(uint64_t max_bytes) {
  const uint64_t bound = max_bytes > 0 ? std::min(max_bytes, max_bytes_) : max_bytes_;
  return std::unique_ptr<Owner>(new Owner(*this, bound));
}

CacheOutcome ResultCache::enter(Owner& owner, std::unique_ptr<Request>& request, bool skip_lookup, TimePoint now) {
  const CacheKey key = request->cache_key;
  const size_t index = index_of(key);
  Shard& shard = shards_[index];
  const std::lock_guard lock(shard.mutex);
  Entry* const found = shard.entries.find(key);
  Entry& entry = found ? *found : new_entry(shard, key, owner);
  if (entry.bytes > 0 && !skip_lookup) {
    if (now < entry.expires) {
      hit(index, entry, now);
      request->outputs = entry.outputs;
      request->cache_number = entry.number;
      return CacheOutcome::kHit;
    }
    ++owner.parts_[index].stats.expired;
    drop_result(index, entry);
  }
  if (entry.running) {
    if (!entry.joiners) entry.joiners = std::make_unique<Joiners>();
    entry.joiners->push_back(std::move(request));
    return CacheOutcome::kJoin;
  }
  entry.running = true;
  entry.erasures = owner.erasures_;
  return CacheOutcome::kMiss;
}

bool ResultCache::use_again(const CachedResult& result, TimePoint now) {
  const size_t index = index_of(result.key);
  Shard& shard = shards_[index];
  const std::lock_guard lock(shard.mutex);
  Entry* const entry = shard.entries.find(result.key);
  if (!entry || entry->bytes == 0 || entry->number != result.number || now >= entry->expires) return false;
  hit(index, *entry, now);
  return true;
}

ResultCache::Joiners ResultCache::leave(Owner& owner, const Request& leader, const Ending& ending) {
  const uint64_t bytes = leader.status.ok() ? size_of(leader.outputs) : 0;
  const bool too_large = bytes > owner.max_bytes_;
  std::vector<Value> outputs;
  bool stored = bytes > 0 && !too_large && make_room(owner, bytes);
  if (stored) {  // copied before the lock is taken
    outputs = leader.outputs;
    if (!std::ranges::all_of(outputs, [](Value& output) { return compact(output); })) {
      give_back(owner, bytes);
      stored = false;
    }
  }
  const size_t index = index_of(leader.cache_key);
  Shard& shard = shards_[index];
  const std::lock_guard lock(shard.mutex);
  Entry& entry = *shard.entries.find(leader.cache_key);  // enter() has put it there
  Stats& stats = owner.parts_[index].stats;
  const std::unique_ptr<Joiners> joined = std::move(entry.joiners);
  Joiners joiners = joined ? std::move(*joined) : Joiners();
  ++(leader.cache_outcome == CacheOutcome::kHit ? stats.hits : stats.misses);
  if (ending.shared_fate) stats.joins += joiners.size();
  if (too_large) ++stats.too_large;
  entry.running = false;
  if (stored && entry.erasures != owner.erasures_) {
    give_back(owner, bytes);
    stored = false;
  }
  if (stored) {
    if (entry.bytes > 0) drop_result(index, entry);
    entry.outputs = std::move(outputs);
    entry.bytes = bytes;
    entry.number = ++shard.stored;
    entry.expires = ending.expires;
    entry.used = ending.now;
    link(index, entry);
    ++stats.inserted;
  } else if (entry.bytes == 0) {
    remove_entry(shard, entry);
  }
  return joiners;
}

// Counts the bytes first and then drops the oldest until all fits, so that no two threads take the same room.
bool ResultCache::make_room(Owner& owner, uint64_t bytes) {
  owner.bytes_ += bytes;
  bytes_ += bytes;
  bool fits = true;
  while (fits && owner.bytes_ > owner.max_bytes_) fits = evict_oldest(owner.oldest_use_, &owner);
  while (fits && bytes_ > max_bytes_) fits = evict_oldest(oldest_use_, nullptr);
  if (!fits) give_back(owner, bytes);
  return fits;
}

void ResultCache::give_back(Owner& owner, uint64_t bytes) noexcept {
  owner.bytes_ -= bytes;
  bytes_ -= bytes;
}

// Of the owner's results, or of all. False: there is none. Another thread may have changed the shard since its age was
// read; the caller then looks again.
bool ResultCache::evict_oldest(OldestUse& among, Owner* owner) {
  size_t index = 0;
  int64_t oldest = kNever;
  for (size_t i = 0; i < among.size(); ++i) {
    const int64_t use = among[i].load(std::memory_order_relaxed);
    if (use >= oldest) continue;
    oldest = use;
    index = i;
  }
  if (oldest == kNever) return false;
  Shard& shard = shards_[index];
  const std::lock_guard lock(shard.mutex);
  Entry* const victim = owner ? owner->parts_[index].oldest : shard.oldest;
  if (victim) {
    ++victim->owner->parts_[index].stats.evicted;
    drop(index, *victim);
    prefetch(owner ? owner->parts_[index].oldest : shard.oldest);
  }
  return true;
}

ResultCache::Entry& ResultCache::new_entry(Shard& shard, const CacheKey& key, Owner& owner) {
  std::unique_ptr<Entry> entry;
  if (shard.spare.empty()) {
    entry = std::make_unique<Entry>();
  } else {
    entry = std::move(shard.spare.back());
    shard.spare.pop_back();
  }
  entry->key = key;
  entry->owner = &owner;
  shard.entries.insert(*entry);
  return *entry.release();
}

// What is removed has no result, no joiners, and is in no list: as good as new. Allocates nothing.
void ResultCache::remove_entry(Shard& shard, Entry& entry) noexcept {
  shard.entries.erase(entry);
  std::unique_ptr<Entry> removed(&entry);
  if (shard.spare.size() < kSpareEntries) shard.spare.push_back(std::move(removed));
}

// Those that will be dropped next have not been touched for long: when they are, they will be there.
void ResultCache::prefetch([[maybe_unused]] const Entry* next) noexcept {
#ifdef __GNUC__
  if (!next) return;
  __builtin_prefetch(next->newer);
  __builtin_prefetch(reinterpret_cast<const std::byte*>(next) + kCacheLine);
  const auto* const outputs = reinterpret_cast<const std::byte*>(next->outputs.data());
  for (size_t line = 0; line < sizeof(Value); line += kCacheLine) __builtin_prefetch(outputs + line);
#endif
}

void ResultCache::hit(size_t index, Entry& entry, TimePoint now) {
  unlink(index, entry);
  entry.used = now;
  link(index, entry);
  ++entry.owner->parts_[index].stats.hits;
}

void ResultCache::link(size_t index, Entry& entry) {
  Shard& shard = shards_[index];
  Owner& owner = *entry.owner;
  Owner::Part& part = owner.parts_[index];
  entry.newer = entry.newer_own = nullptr;
  entry.older = std::exchange(shard.newest, &entry);
  (entry.older ? entry.older->newer : shard.oldest) = &entry;
  entry.older_own = std::exchange(part.newest, &entry);
  (entry.older_own ? entry.older_own->newer_own : part.oldest) = &entry;
  part.stats.bytes += entry.bytes;
  ++part.stats.entries;
  const int64_t used = ticks(entry.used);
  if (shard.oldest == &entry) oldest_use_[index].store(used, std::memory_order_relaxed);
  if (part.oldest == &entry) owner.oldest_use_[index].store(used, std::memory_order_relaxed);
}

void ResultCache::unlink(size_t index, Entry& entry) {
  Shard& shard = shards_[index];
  Owner& owner = *entry.owner;
  Owner::Part& part = owner.parts_[index];
  (entry.newer ? entry.newer->older : shard.newest) = entry.older;
  (entry.older ? entry.older->newer : shard.oldest) = entry.newer;
  (entry.newer_own ? entry.newer_own->older_own : part.newest) = entry.older_own;
  (entry.older_own ? entry.older_own->newer_own : part.oldest) = entry.newer_own;
  part.stats.bytes -= entry.bytes;
  --part.stats.entries;
  const auto age = [](const Entry* oldest) { return oldest ? ticks(oldest->used) : kNever; };
  if (!entry.older) oldest_use_[index].store(age(shard.oldest), std::memory_order_relaxed);
  if (!entry.older_own) owner.oldest_use_[index].store(age(part.oldest), std::memory_order_relaxed);
}

void ResultCache::drop_result(size_t index, Entry& entry) {
  unlink(index, entry);
  give_back(*entry.owner, entry.bytes);
  entry.outputs.clear();
  entry.bytes = 0;
}

void ResultCache::drop(size_t index, Entry& entry) {
  drop_result(index, entry);
  if (!entry.running) remove_entry(shards_[index], entry);
}

void ResultCache::erase(Owner& owner) {
  ++owner.erasures_;
  for (size_t index = 0; index < shards_.size(); ++index) {
    const std::lock_guard lock(shards_[index].mutex);
    while (Entry* const oldest = owner.parts_[index].oldest) drop(index, *oldest);
  }
}

ResultCache::Stats ResultCache::stats(const Owner& owner) const {
  Stats sum;
  for (size_t index = 0; index < shards_.size(); ++index) {
    const std::lock_guard lock(shards_[index].mutex);
    add(sum, owner.parts_[index].stats);
  }
  return sum;
}

}  // namespace ortserve
