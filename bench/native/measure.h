// SPDX-License-Identifier: Apache-2.0
// Timing loops of core_bench: plain chrono, the best of several batches, one JSON line per result.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace ortserve::bench {

/// Keeps the compiler from dropping a computation whose result nobody reads.
template <typename T>
inline void keep(const T& value) {
#if defined(__GNUC__)
  asm volatile("" : : "g"(&value) : "memory");
#else
  static volatile const void* sink;
  sink = &value;
#endif
}

/// Nanoseconds of one call of `f`: as many calls as fill 20 ms, nine times over, and of these the least disturbed.
template <typename F>
double nanoseconds_per_call(F&& f) {
  using Clock = std::chrono::steady_clock;
  const auto time = [&](int64_t calls) {
    const auto start = Clock::now();
    for (int64_t i = 0; i < calls; ++i) f();
    return std::chrono::duration<double, std::nano>(Clock::now() - start).count();
  };
  int64_t calls = 1;
  while (time(calls) < 5e6) calls *= 2;
  calls *= 4;
  double best = time(calls);
  for (int i = 1; i < 9; ++i) best = std::min(best, time(calls));
  return best / static_cast<double>(calls);
}

/// `per`: what the nanoseconds belong to, e.g. "float".
inline void report(const char* piece, const char* name, double nanoseconds, const char* per) {
  std::printf("{\"piece\":\"%s\",\"name\":\"%s\",\"nanoseconds\":%.3f,\"per\":\"%s\"}\n", piece, name, nanoseconds,
              per);
  std::fflush(stdout);
}

/// For setup that cannot fail in a correct build.
inline void require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "core_bench: %s\n", what);
  std::exit(1);
}

void bench_codec();
void bench_plan();
void bench_pool();
void bench_stats();
void bench_batcher();
void bench_cache();
void bench_transform();
void bench_histogram();
void bench_solve();

}  // namespace ortserve::bench
