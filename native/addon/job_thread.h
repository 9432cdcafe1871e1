// SPDX-License-Identifier: Apache-2.0
// One thread that runs long jobs one after another.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace ortserve {

/// Loads run here: off the JavaScript thread, off the workers, and never two at once, since measuring one model's cost
/// curve beside another's load would falsify it. The thread starts with the first job. Thread-safe.
class JobThread {
 public:
  ~JobThread() { stop(); }

  /// Queues a job; dropped, and destroyed, when stop() comes first. Jobs must not throw.
  void post(std::function<void()> job);
  /// Finishes the job in progress, drops the others and joins. Idempotent; not from a job.
  void stop();

 private:
  void loop() noexcept;

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> jobs_;
  std::thread thread_;
  bool stopping_ = false;
};

}  // namespace ortserve
