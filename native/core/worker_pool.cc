// SPDX-License-Identifier: Apache-2.0
#include "core/worker_pool.h"

#include <algorithm>
#include <utility>

#include "core/thread_role.h"

namespace ortserve {

namespace {

class Job final : public WorkSource {
 public:
  explicit Job(std::function<void()> run) : run_(std::move(run)) {}
  bool work(TimePoint) noexcept override {
    run_();
    return false;
  }
  int weight() const noexcept override { return 1; }

 private:
  std::function<void()> run_;
};

}  // namespace

WorkerPool::WorkerPool(int cores) : cores_(std::max(cores, 1)), free_cores_(cores_) {
  threads_.reserve(static_cast<size_t>(cores_));
  for (int i = 0; i < cores_; ++i) threads_.emplace_back([this] { loop(); });
}

WorkerPool::~WorkerPool() {
  stop();
}

void WorkerPool::announce(std::shared_ptr<WorkSource> source) {
  const std::lock_guard lock(mutex_);
  if (stopping_) return;
  ready_.push_back(std::move(source));
  if (sleepers_ > 0) wake_.notify_one();
}

void WorkerPool::announce_at(std::shared_ptr<WorkSource> source, TimePoint when) {
  const std::lock_guard lock(mutex_);
  if (stopping_) return;
  timers_.push_back({when, std::move(source)});
  std::ranges::push_heap(timers_, std::greater{}, &Timer::when);
  // Whoever sleeps may have to sleep less.
  if (timers_.front().when == when) wake_.notify_one();
}

void WorkerPool::post(std::function<void()> job) {
  announce(std::make_shared<Job>(std::move(job)));
}

void WorkerPool::stop() {
  {
    std::deque<std::shared_ptr<WorkSource>> dropped;
    std::vector<Timer> timers;
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    dropped.swap(ready_);
    timers.swap(timers_);
  }  // dropped after the lock: a source's destructor may take time
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

int WorkerPool::weight_of(const WorkSource& source) const noexcept {
  return std::clamp(source.weight(), 1, cores_);
}

bool WorkerPool::promote_due_timers(TimePoint now) {
  bool promoted = false;
  while (!timers_.empty() && timers_.front().when <= now) {
    std::ranges::pop_heap(timers_, std::greater{}, &Timer::when);
    ready_.push_back(std::move(timers_.back().source));
    timers_.pop_back();
    promoted = true;
  }
  return promoted;
}

// The next source whose cores are free, or null when stopping. A wide source at the head holds back those behind it, so
// that narrow ones cannot starve it.
std::shared_ptr<WorkSource> WorkerPool::next(std::unique_lock<std::mutex>& lock) {
  for (;;) {
    if (stopping_) return nullptr;
    const bool promoted = !timers_.empty() && promote_due_timers(Clock::now());
    if (!ready_.empty() && weight_of(*ready_.front()) <= free_cores_) {
      auto source = std::move(ready_.front());
      ready_.pop_front();
      // Whoever leaves to work hands on what it was watching: a thread that sleeps without a timer sees neither the
      // next one come due nor what this one has just promoted.
      const bool unwatched = !timers_.empty() && watchers_ == 0;
      if ((unwatched || (promoted && !ready_.empty())) && sleepers_ > 0) wake_.notify_one();
      return source;
    }
    ++sleepers_;
    if (timers_.empty()) {
      wake_.wait(lock);
    } else {
      const TimePoint until = timers_.front().when;  // a copy: the heap may change during the wait
      ++watchers_;
      wake_.wait_until(lock, until);
      --watchers_;
    }
    --sleepers_;
  }
}

void WorkerPool::loop() noexcept {
  become_worker_thread();
  std::unique_lock lock(mutex_);
  while (auto source = next(lock)) {
    const int weight = weight_of(*source);
    free_cores_ -= weight;
    lock.unlock();
    const bool more = source->work(Clock::now());
    if (!more) source.reset();  // may be the last reference: never destroy a model under the lock
    lock.lock();
    free_cores_ += weight;
    if (more && !stopping_) ready_.push_back(std::move(source));
    // This thread goes on with the head of `ready_`; wake another only if cores remain for what stands behind it.
    if (ready_.size() > 1 && sleepers_ > 0) wake_.notify_one();
  }
}

}  // namespace ortserve
