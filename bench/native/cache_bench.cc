// SPDX-License-Identifier: Apache-2.0
// The prediction cache alone: what a request pays for its key, for a hit, and for a miss whose result is stored.
#include <cstring>
#include <string>
#include <vector>

#include "core/cache_key.h"
#include "core/codec/seen_bodies.h"
#include "core/result_cache.h"
#include "measure.h"

namespace ortserve::bench {
namespace {

constexpr int64_t kOutputs = 10;  // floats of one result

Tensor floats(BufferPool& pool, int64_t count) {
  auto tensor = allocate_tensor(pool, DType::kFp32, {1, count});
  require(tensor.ok(), "no memory for a tensor");
  std::memset(tensor->data.data(), 1, tensor->data.size());
  return *tensor;
}

std::unique_ptr<Request> request_of(uint64_t number) {
  auto request = std::make_unique<Request>();
  request->cache_key = {number * 0x9e3779b97f4a7c15ull, number * 0xc2b2ae3d27d4eb4full};
  return request;
}

/// A request that is new to a cache of `max_bytes`: enter, leave with a result.
double miss(BufferPool& pool, uint64_t max_bytes, uint64_t& number) {
  ResultCache cache({.max_bytes = max_bytes});
  const auto owner = cache.open(0);
  const std::vector<Value> outputs{{.tensor = floats(pool, kOutputs)}};
  const double nanoseconds = nanoseconds_per_call([&] {
    auto request = request_of(++number);
    const TimePoint now = Clock::now();
    require(cache.enter(*owner, request, false, now) == CacheOutcome::kMiss, "not a miss");
    request->outputs = outputs;
    cache.leave(*owner, *request, {.now = now});
  });
  require(max_bytes < (1u << 20) ? cache.stats(*owner).evicted > 0 : true, "the cache was not full");
  return nanoseconds;
}

double hit(BufferPool& pool) {
  ResultCache cache({.max_bytes = 1 << 20});
  const auto owner = cache.open(0);
  for (uint64_t number = 0; number < 1000; ++number) {
    auto request = request_of(number);
    cache.enter(*owner, request, false, Clock::now());
    request->outputs = {{.tensor = floats(pool, kOutputs)}};
    cache.leave(*owner, *request, {.now = Clock::now()});
  }
  uint64_t number = 0;
  return nanoseconds_per_call([&] {
    auto request = request_of(number++ % 1000);
    require(cache.enter(*owner, request, false, Clock::now()) == CacheOutcome::kHit, "not a hit");
    keep(request);
  });
}

/// A body of `size` bytes that was answered before: how it is known again.
double seen_body(size_t size) {
  const std::vector<std::byte> body(size, std::byte{1});
  SeenBodies seen;
  const SeenBodies::Question question{.model = 1, .body = body};
  for (int i = 0; i < 2; ++i) {
    if (const auto place = seen.learn(question, {})) seen.confirm(*place);
  }
  const std::vector<std::byte> again = body;
  const SeenBodies::Question same{.model = 1, .body = again};
  require(seen.find(same) != nullptr, "the body was not known again");
  return nanoseconds_per_call([&] { keep(seen.find(same)); });
}

}  // namespace

void bench_cache() {
  BufferPool pool({});
  const CacheKeyMaker keys;
  for (const int64_t count : {int64_t{4}, int64_t{784}, int64_t{150'528}}) {
    Request request;
    request.present = {true};
    request.inputs = {floats(pool, count)};
    const std::string name = "key of " + std::to_string(count) + " floats";
    report("cache", name.c_str(), nanoseconds_per_call([&] { keep(keys.key_of({1, 2}, request)); }), "request");
  }
  uint64_t number = 0;
  report("cache", "the request object alone", nanoseconds_per_call([&] { keep(request_of(++number)); }), "request");
  report("cache", "hit", hit(pool), "request");
  report("cache", "body of 3 KiB seen before", seen_body(3 << 10), "request");
  report("cache", "body of 16 KiB seen before", seen_body(16 << 10), "request");
  report("cache", "miss and store, full at 512 KiB", miss(pool, 512 << 10, number), "request");
  report("cache", "miss and store, full at 64 MiB", miss(pool, 64 << 20, number), "request");
}

}  // namespace ortserve::bench
