// SPDX-License-Identifier: Apache-2.0
#include "engine/run_thread.h"

#include "core/thread_role.h"

namespace ortserve {

RunThread::~RunThread() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    arrived_.notify_one();
  }
  thread_.join();
}

Status RunThread::run(const std::function<Status()>& work) {
  Job job{.work = work};
  std::unique_lock lock(mutex_);
  jobs_.push_back(&job);
  arrived_.notify_one();
  job.ended.wait(lock, [&] { return job.done; });
  return std::move(job.outcome);
}

void RunThread::serve() {
  become_worker_thread();
  std::unique_lock lock(mutex_);
  for (;;) {
    arrived_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
    if (jobs_.empty()) return;
    Job& job = *jobs_.front();
    jobs_.pop_front();
    lock.unlock();
    Status outcome = job.work();
    lock.lock();
    job.outcome = std::move(outcome);
    job.done = true;
    job.ended.notify_one();  // under the lock: the job is gone as soon as its caller sees it done
  }
}

}  // namespace ortserve
