// SPDX-License-Identifier: Apache-2.0
// The process's compute threads. Models and one-off jobs take turns, so that active runners never exceed the cores.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "core/request.h"

namespace ortserve {

/// Something that has work now and then: one per model version.
class WorkSource {
 public:
  virtual ~WorkSource() = default;
  /// Does at most one batch of work on the calling worker thread.
  virtual void work(TimePoint now) noexcept = 0;
  /// Cores one call of work() occupies (its intra-op threads).
  virtual int weight() const noexcept = 0;
};

/// Threads that serve announced sources first come, first served. Thread-safe.
class WorkerPool {
 public:
  explicit WorkerPool(int cores);
  ~WorkerPool();  ///< stop()
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  /// Calls source->work() once, on a worker, when enough cores are free. May be queued several times over.
  void announce(std::shared_ptr<WorkSource> source);
  /// The same, at `when`; a timer, not a promise.
  void announce_at(std::shared_ptr<WorkSource> source, TimePoint when);
  /// Runs a short job (weight 1) on a worker.
  void post(std::function<void()> job);
  /// Finishes the calls in progress, drops what is queued, joins the threads. Idempotent; not from a worker.
  void stop();

  int cores() const noexcept { return cores_; }

 private:
  struct Timer {
    TimePoint when;
    std::shared_ptr<WorkSource> source;
  };
  void loop() noexcept;

  const int cores_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::shared_ptr<WorkSource>> ready_;
  std::vector<Timer> timers_;  // min-heap by `when`
  int free_cores_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace ortserve
