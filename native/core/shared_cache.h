// SPDX-License-Identifier: Apache-2.0
// The second level of the prediction cache: results that several servers keep together, outside of the process.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <span>
#include <unordered_map>
#include <vector>

#include "core/cache_key.h"
#include "core/request.h"
#include "core/worker_pool.h"

namespace ortserve {

/// The name of a result among all servers.
struct SharedKey {
  CacheKey model;    ///< of the model's content and of the options that change its results
  CacheKey request;  ///< of the inputs and the outputs asked for
};

/// How one lookup ended.
struct SharedLookup {
  enum class Outcome : uint8_t {
    kFound,
    kAbsent,
    kFailed,   ///< the store said so
    kLate,     ///< no answer within the budget
    kGivenUp,  ///< the store was found to be down meanwhile
  };
  Outcome outcome = Outcome::kAbsent;
  std::span<const std::byte> value;  ///< kFound; valid during the call
  Nanoseconds ttl{0};                ///< kFound: how long it stays valid; 0: no limit is known
  /// Results that are stored under another generation than the current one count as absent. Names the one that was
  /// current when the lookup was made; 0: not known.
  uint64_t generation = 0;
};

/// What became of one model's dealings with the second level.
struct SharedCounters {
  std::atomic<uint64_t> hits{0}, misses{0};
  std::atomic<uint64_t> timeouts{0};  ///< lookups without an answer in time
  std::atomic<uint64_t> errors{0};    ///< failed lookups and stores, and values that could not be read
  std::atomic<uint64_t> skipped{0};   ///< not asked: the store is down, or a run is cheaper than asking
  std::atomic<uint64_t> stored{0};
  std::atomic<uint64_t> dropped{0};  ///< not stored: too large, or too much was waiting to be stored
};

/// Asks with a hard time limit, stores behind the caller's back, and leaves a store alone that does not answer.
/// Thread-safe. Nothing here blocks, and no failure of the store becomes a request's.
class SharedCache final : public WorkSource, public std::enable_shared_from_this<SharedCache> {
 public:
  struct Options {
    Nanoseconds budget{5'000'000};         ///< longest wait for a lookup
    size_t max_waiting = 1024;             ///< lookups in flight; beyond, requests are not asked for
    uint64_t max_value_bytes = 1 << 20;    ///< of one result; larger ones are not stored
    uint64_t max_storing_bytes = 8 << 20;  ///< handed over and not yet acknowledged
    int max_failures = 5;                  ///< lookups late or failed in a row before the store counts as down
  };

  /// The way to the store. Called from any thread, never under a lock; must not block.
  class Transport {
   public:
    virtual ~Transport() = default;
    /// Ends with one SharedCache::answer(). `wants_ttl`: the lookup's `ttl` is of interest.
    virtual void lookup(uint64_t ticket, const SharedKey& key, bool wants_ttl) noexcept = 0;
    /// Ends with one SharedCache::stored(). `ttl` 0: as long as the store likes.
    virtual void store(uint64_t ticket, const SharedKey& key, std::vector<std::byte> value, uint64_t generation,
                       Nanoseconds ttl) noexcept = 0;
    /// Makes all that is stored for `model` count as absent, before any lookup that follows.
    virtual void flush(const CacheKey& model) noexcept = 0;
  };

  /// Whoever waits for a lookup.
  class Client {
   public:
    virtual ~Client() = default;
    /// On a worker, on the transport's thread, or on a thread that shuts something down.
    virtual void looked_up(std::unique_ptr<Request> request, const SharedLookup& lookup) noexcept = 0;
  };

  /// What a lookup is about, for ask().
  struct Question {
    SharedKey key;
    Nanoseconds run_cost{0};  ///< what finding the result out costs; 0: unknown
    bool wants_ttl = false;
  };

  /// `secret`: what the servers that share results have in common.
  SharedCache(std::span<const std::byte> secret, Options options) : keys_(secret), options_(options) {}

  const CacheKeyMaker& keys() const noexcept { return keys_; }
  const Options& options() const noexcept { return options_; }

  /// Where time limits are watched; stop() ends the use of it, and every lookup in flight as kGivenUp.
  void start(std::shared_ptr<WorkerPool> workers);
  void stop() noexcept;
  /// Down until the first ready(). Null: no store any more.
  void connect(std::shared_ptr<Transport> transport) noexcept;

  /// The store answers, in about `round_trip`.
  void ready(Nanoseconds round_trip) noexcept;
  /// It does not: lookups in flight are given up, and none is made until the next ready().
  void down() noexcept;
  bool is_up() const noexcept { return up_.load(std::memory_order_relaxed); }

  /// Takes the request over and hands it to `client` exactly once, within the budget. False: not asked, and the request
  /// stays the caller's. Asks only where a run costs more than a round trip and the deadline is further away than the
  /// budget.
  bool ask(std::unique_ptr<Request>& request, std::shared_ptr<Client> client, const Question& question) noexcept;
  /// Ends a lookup; one that is over already is ignored.
  void answer(uint64_t ticket, const SharedLookup& lookup) noexcept;

  void store(const SharedKey& key, std::vector<std::byte> value, uint64_t generation, Nanoseconds ttl,
             std::shared_ptr<SharedCounters> counters) noexcept;
  void stored(uint64_t ticket, bool ok) noexcept;
  void flush(const CacheKey& model) noexcept;

  bool work(TimePoint now) noexcept override;
  int weight() const noexcept override { return 1; }

 private:
  struct Waiting {
    std::unique_ptr<Request> request;
    std::shared_ptr<Client> client;
  };
  struct Storing {
    uint64_t bytes;
    std::shared_ptr<SharedCounters> counters;
  };
  struct Due {
    TimePoint when;
    uint64_t ticket;
  };

  bool worth_asking(const Request& request, Nanoseconds run_cost, TimePoint now) const noexcept;
  void give_up() noexcept;
  void failed(int count) noexcept;

  const CacheKeyMaker keys_;
  const Options options_;
  std::atomic<bool> up_{false};
  std::atomic<int64_t> round_trip_{0};  // nanoseconds
  std::atomic<int> failures_{0};        // in a row

  std::mutex mutex_;  // guards everything below
  std::shared_ptr<WorkerPool> workers_;
  std::shared_ptr<Transport> transport_;
  uint64_t last_ticket_ = 0;
  std::unordered_map<uint64_t, Waiting> waiting_;
  std::deque<Due> due_;  // of waiting_, and of some that are over; ascending, since the budget is one for all
  bool timer_set_ = false;
  std::unordered_map<uint64_t, Storing> storing_;
  uint64_t storing_bytes_ = 0;
};

}  // namespace ortserve
