// SPDX-License-Identifier: Apache-2.0
#include "core/solve/parallel.h"

#include <algorithm>
#include <atomic>
#include <system_error>
#include <thread>
#include <vector>

namespace ortserve {

void parallel_for(size_t threads, size_t count, const std::function<void(size_t)>& body) {
  std::atomic<size_t> next{0};
  const auto work = [&] {
    for (size_t i = next++; i < count; i = next++) body(i);
  };
  std::vector<std::thread> helpers;
  helpers.reserve(threads);
  try {
    while (helpers.size() + 1 < std::min(threads, count)) helpers.emplace_back(work);
  } catch (const std::system_error&) {
    // The threads there are do it all.
  }
  work();
  for (std::thread& helper : helpers) helper.join();
}

}  // namespace ortserve
