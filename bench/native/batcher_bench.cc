// SPDX-License-Identifier: Apache-2.0
// The batcher around a model that costs nothing: what a request pays for queue, hop, batch, split and delivery.
#include <atomic>
#include <cstring>
#include <string>
#include <thread>

#include "core/batcher.h"
#include "measure.h"

namespace ortserve::bench {
namespace {

constexpr int64_t kWidth = 16;

/// Answers with zeros at once.
class FreeRunner final : public Runner {
 public:
  explicit FreeRunner(BufferPool& pool) : pool_(pool) {}

  Status run(std::span<const Tensor> inputs, const std::vector<bool>&, std::span<const uint16_t> wanted,
             std::vector<Value>& outputs, const std::atomic<bool>*, RunTimes*) noexcept override {
    outputs.resize(wanted.size());
    for (Value& value : outputs) {
      auto tensor = allocate_tensor(pool_, DType::kFp32, {inputs[0].shape[0], kWidth});
      if (!tensor.ok()) return tensor.take_status();
      std::memset(tensor->data.data(), 0, tensor->data.size());
      value.tensor = *tensor;
    }
    return {};
  }

  void terminate_all() noexcept override {}

 private:
  BufferPool& pool_;
};

class CountingSink final : public ResultSink {
 public:
  void deliver(std::unique_ptr<Request> request) noexcept override {
    require(request->status.ok(), request->status.message().c_str());
    delivered_.fetch_add(1, std::memory_order_release);
  }
  int64_t delivered() const { return delivered_.load(std::memory_order_acquire); }

 private:
  std::atomic<int64_t> delivered_{0};
};

ModelSpec spec_of_free_model() {
  return {.name = "free",
          .version = "1",
          .inputs = {{.name = "x", .dims = {-1, kWidth}}},
          .outputs = {{.name = "y", .dims = {-1, kWidth}}},
          .batched = true};
}

std::unique_ptr<Request> request_of(BufferPool& pool, ResultSink& sink) {
  auto request = std::make_unique<Request>();
  auto tensor = allocate_tensor(pool, DType::kFp32, {1, kWidth});
  require(tensor.ok(), "no memory for a tensor");
  std::memset(tensor->data.data(), 0, tensor->data.size());
  request->input_bytes = tensor->byte_size();
  request->inputs = {*tensor};
  request->present = {true};
  request->sink = &sink;
  request->timings.received = Clock::now();
  request->shape_key = shape_key_of(*request, true);
  return request;
}

/// Keeps `in_flight` requests in the batcher; nanoseconds per request from submit to delivery of all.
double per_request(Nanoseconds inline_ceiling, int64_t in_flight, int workers) {
  BufferPool pool({});
  CountingSink sink;
  WorkerPool threads(workers);
  auto batcher = std::make_shared<Batcher>(threads, pool, std::make_shared<FreeRunner>(pool), spec_of_free_model(),
                                           CostCurve({{1, 1000.0}, {32, 2000.0}}),
                                           BatcherOptions{.instances = workers, .inline_ceiling = inline_ceiling});
  int64_t submitted = 0;
  const double nanoseconds = nanoseconds_per_call([&] {
    while (submitted - sink.delivered() >= in_flight) std::this_thread::yield();
    auto request = request_of(pool, sink);
    require(batcher->submit(request).ok(), "a request was refused");
    ++submitted;
  });
  while (sink.delivered() < submitted) std::this_thread::yield();
  std::atomic<bool> idle{false};
  batcher->close([&] { idle = true; });
  while (!idle) std::this_thread::yield();
  threads.stop();
  return nanoseconds;
}

}  // namespace

void bench_batcher() {
  BufferPool pool({});
  CountingSink sink;
  report("batcher", "building the request alone", nanoseconds_per_call([&] { keep(request_of(pool, sink)); }),
         "request");
  report("batcher", "inline, on the calling thread", per_request(Nanoseconds(1'000'000), 1, 1), "request");
  report("batcher", "hop to a worker and back, one in flight", per_request(Nanoseconds(0), 1, 1), "request");
  report("batcher", "64 in flight, one worker", per_request(Nanoseconds(0), 64, 1), "request");
  report("batcher", "64 in flight, two workers", per_request(Nanoseconds(0), 64, 2), "request");
}

}  // namespace ortserve::bench
