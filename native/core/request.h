// SPDX-License-Identifier: Apache-2.0
// One prediction on its way: decoded inputs in, results or a Status out. Always owned by exactly one party.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/status.h"
#include "core/tensor.h"

namespace ortserve {

using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;
using Nanoseconds = std::chrono::nanoseconds;

inline constexpr TimePoint kNoDeadline = TimePoint::max();

/// When each stage of a request ended. They travel with the request and feed statistics, logs and headers. A stage that
/// it did not go through has no time; of a batch all requests have the same from `started` on.
struct Timings {
  TimePoint received{};  ///< submit was called
  TimePoint decoding{};  ///< its decoding began, when that was later
  TimePoint decoded{};   ///< it was looked up in the cache, or queued, from then on
  TimePoint queued{};    ///< admitted
  TimePoint started{};   ///< its batch was formed
  TimePoint bound{};     ///< inputs were gathered and handed to the runner
  TimePoint computed{};  ///< the model has run
  TimePoint answered{};  ///< outputs were split and encoded
};

/// Payload bytes the core copied for one request, by direction. Views and lent memory count as nothing.
struct CopiedBytes {
  uint64_t in = 0;   ///< from the caller's memory until the model reads it
  uint64_t out = 0;  ///< from the model's output until the caller's memory
};

/// What the caller wants of the prediction cache.
enum class CacheUse : uint8_t {
  kUse,      ///< answer from it, store into it
  kRefresh,  ///< run the model, store the result
  kBypass,   ///< neither
};

/// What became of it. Hits, misses, joins and bypasses of a cached model add up to its requests.
enum class CacheOutcome : uint8_t { kNone, kHit, kMiss, kJoin, kBypass };

/// 128 bits that stand for a model and its inputs.
struct CacheKey {
  uint64_t low = 0;
  uint64_t high = 0;
  bool operator==(const CacheKey&) const = default;
};

/// One result in the prediction cache.
struct CachedResult {
  CacheKey key;
  uint64_t number = 0;  ///< no other result of the same key has it; 0: none
};

/// A dim that was padded up to a bucket's size, and what it was before.
struct DimBeforePadding {
  int64_t size;    ///< -1: no input with that dim is present
  int64_t bucket;  ///< equal to `size` where nothing was padded
};

struct Request;

/// Where a finished request goes. Both are called once per accepted request, in this order and on one thread: a worker,
/// or the caller's when it ran inline. They must not block.
class ResultSink {
 public:
  virtual ~ResultSink() = default;
  /// Makes the answer ready (encodes it), so that the time this takes is counted before the answer leaves.
  virtual void prepare(Request&) noexcept {}
  virtual void deliver(std::unique_ptr<Request> request) noexcept = 0;
  /// The same for requests that are all this sink's; each of `requests` is taken.
  virtual void deliver_all(std::span<std::unique_ptr<Request>> requests) noexcept {
    for (auto& request : requests) deliver(std::move(request));
  }
};

/// Base of everything that travels through a Batcher; sinks extend it with what they need to answer.
struct Request {
  virtual ~Request() = default;

  std::vector<Tensor> inputs;  ///< model order; an absent optional input is a Tensor without data and rank 0
  std::vector<bool> present;   ///< per input
  int64_t rows = 1;            ///< dim 0 when the model is batched, else 1
  uint64_t input_bytes = 0;
  uint64_t shape_key = 0;        ///< equal for requests that may share a batch; see shape_key_of()
  std::vector<uint16_t> wanted;  ///< output indices in reply order; empty: all, in model order
  TimePoint deadline = kNoDeadline;
  const std::atomic<bool>* cancelled = nullptr;  ///< set by the caller's side; outlives the request. May be null
  ResultSink* sink = nullptr;                    ///< outlives the request
  Timings timings;
  CopiedBytes copied;
  int64_t batch_rows = 0;  ///< rows of the batch it ran in, padding not counted

  uint64_t priority = 0;         ///< level in the queue, 1 is served first; 0: the model's default level
  Nanoseconds queue_timeout{0};  ///< how long it may wait for its run to start; 0: as long as the model allows
  uint64_t sequence = 0;         ///< set and used by Batcher: its place among all accepted requests

  std::vector<DimBeforePadding> before_padding;  ///< set and used by AxisBuckets: one per bucketed dim

  CacheUse cache_use = CacheUse::kUse;
  CacheOutcome cache_outcome = CacheOutcome::kNone;
  CacheKey cache_key;                ///< set and used by CachedBatcher
  uint64_t cache_number = 0;         ///< set by ResultCache on a hit: see CachedResult
  Nanoseconds cache_time{0};         ///< spent in the cache on this request
  uint64_t shared_generation = 0;    ///< set and used by CachedBatcher: under which the result is shared; 0: it is not
  ResultSink* reply_sink = nullptr;  ///< set and used by CachedBatcher: `sink`, while it stands in between

  Status status;  ///< kOk: `outputs` holds one value per wanted output
  std::vector<Value> outputs;

  bool is_cancelled() const noexcept { return cancelled && cancelled->load(std::memory_order_relaxed); }
};

/// Hands each of `requests` to its sink; those of one sink that stand side by side together.
void deliver_to_sinks(std::span<std::unique_ptr<Request>> requests) noexcept;

/// Why a request need not run any more, kCancelled or kDeadlineExceeded; kOk while somebody waits for it.
Status dead_status(const Request& request, TimePoint now);

/// Hash of presence, dtypes, ranks and every dim but the first (every dim when not batched), plus the wanted set.
uint64_t shape_key_of(const Request& request, bool batched) noexcept;
/// The exact comparison behind shape_key_of; two requests that pass may be concatenated.
bool may_share_batch(const Request& a, const Request& b) noexcept;

}  // namespace ortserve
