// SPDX-License-Identifier: Apache-2.0
// One thread for all runs of a session that captures CUDA graphs. ONNX Runtime keeps a captured graph with the thread
// that captured it, and its replay gives wrong numbers once another thread has run the same session.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

#include "core/status.h"

namespace ortserve {

/// Thread-safe.
class RunThread {
 public:
  /// Throws std::system_error when no thread can be started.
  RunThread() : thread_([this] { serve(); }) {}
  /// No run() may be in flight.
  ~RunThread();
  RunThread(const RunThread&) = delete;
  RunThread& operator=(const RunThread&) = delete;

  /// Does `work`, which must not throw, on the thread, after all that was handed in before; returns what it returned.
  Status run(const std::function<Status()>& work);

 private:
  struct Job {
    const std::function<Status()>& work;
    std::condition_variable ended;
    Status outcome;
    bool done = false;
  };
  void serve();

  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<Job*> jobs_;
  bool stopping_ = false;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace ortserve
