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
  /// Does at most one batch of work on the calling worker thread. True: has more, wants another turn.
  virtual bool work(TimePoint now) noexcept = 0;
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
  /// The same, no earlier than `when`.
  void announce_at(std::shared_ptr<WorkSource> source, TimePoint when);
  /// Runs a short job (weight 1) on a worker. Dropped, and destroyed, when the pool stops first.
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
  std::shared_ptr<WorkSource> next(std::unique_lock<std::mutex>& lock);
  bool promote_due_timers(TimePoint now);  // mutex_ held; true: some were due
  int weight_of(const WorkSource& source) const noexcept;

  const int cores_;
  std::mutex mutex_;  // guards everything below
  std::condition_variable wake_;
  std::deque<std::shared_ptr<WorkSource>> ready_;
  std::vector<Timer> timers_;  // min-heap by `when`
  int free_cores_;
  int sleepers_ = 0;
  int watchers_ = 0;  // sleepers that wake up for a timer
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace ortserve
