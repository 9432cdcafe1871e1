// SPDX-License-Identifier: Apache-2.0
// A few threads that run long jobs.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace ortserve {

/// Loads run here: off the JavaScript thread and off the workers. A thread starts when a job finds all others busy.
/// Thread-safe.
class JobThreads {
 public:
  /// At most so many jobs at once.
  explicit JobThreads(size_t most) : most_(most) {}
  ~JobThreads() { stop(); }

  /// Queues a job; dropped, and destroyed, when stop() comes first. Jobs must not throw.
  void post(std::function<void()> job);
  /// Finishes the jobs in progress, drops the others and joins. Idempotent; not from a job.
  void stop();

 private:
  void loop() noexcept;

  const size_t most_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> jobs_;
  std::vector<std::thread> threads_;
  size_t idle_ = 0;
  bool stopping_ = false;
};

}  // namespace ortserve
