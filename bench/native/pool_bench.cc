// SPDX-License-Identifier: Apache-2.0
// The buffer pool: acquire and release of one buffer, alone and with every core doing the same.
#include <atomic>
#include <string>
#include <thread>

#include "core/buffer_pool.h"
#include "measure.h"

namespace ortserve::bench {
namespace {

void acquire_release(BufferPool& pool, size_t size) {
  const auto buffer = pool.acquire(size);
  require(buffer.ok(), "no memory for a buffer");
  keep(buffer);
}

}  // namespace

void bench_pool() {
  BufferPool pool({});
  for (const size_t size : {64, 4096, 602112}) {
    const double nanoseconds = nanoseconds_per_call([&] { acquire_release(pool, size); });
    report("buffer pool", ("acquire and release " + std::to_string(size) + " bytes").c_str(), nanoseconds, "buffer");
  }
  std::atomic<bool> stop{false};
  std::vector<std::thread> others;
  const unsigned cores = std::max(2u, std::thread::hardware_concurrency());
  for (unsigned i = 1; i < cores; ++i) {
    others.emplace_back([&] {
      while (!stop) acquire_release(pool, 4096);
    });
  }
  const double nanoseconds = nanoseconds_per_call([&] { acquire_release(pool, 4096); });
  stop = true;
  for (auto& other : others) other.join();
  report("buffer pool", ("the same, 4096 bytes, " + std::to_string(cores) + " threads").c_str(), nanoseconds, "buffer");
}

}  // namespace ortserve::bench
