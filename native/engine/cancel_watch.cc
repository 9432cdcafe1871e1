// SPDX-License-Identifier: Apache-2.0
#include "engine/cancel_watch.h"

#include <algorithm>
#include <chrono>
#include <new>
#include <thread>

#include "engine/active_runs.h"

namespace ortserve {

namespace {

constexpr std::chrono::milliseconds kLookEvery{5};
constexpr int kIdleLooksBeforeSleep = 20;

}  // namespace

CancelWatch& cancel_watch() {
  static CancelWatch& watch = *new CancelWatch;
  return watch;
}

CancelWatch::CancelWatch() {
  std::thread([this] { watch(); }).detach();  // touches nothing but this object, which lives as long as the process
}

bool CancelWatch::add(RunSlot& run) noexcept {
  const std::lock_guard lock(mutex_);
  try {
    runs_.push_back(&run);
  } catch (const std::bad_alloc&) {
    return false;
  }
  if (asleep_) {
    asleep_ = false;
    wake_.notify_one();
  }
  return true;
}

void CancelWatch::remove(RunSlot& run) noexcept {
  const std::lock_guard lock(mutex_);
  const auto found = std::ranges::find(runs_, &run);
  *found = runs_.back();
  runs_.pop_back();
}

void CancelWatch::watch() noexcept {
  std::unique_lock lock(mutex_);
  int idle_looks = 0;
  for (;;) {
    idle_looks = runs_.empty() ? idle_looks + 1 : 0;
    for (RunSlot* const run : runs_) {
      if (run->terminate->load(std::memory_order_relaxed)) run->stop();
    }
    if (idle_looks > kIdleLooksBeforeSleep) {
      asleep_ = true;
      wake_.wait(lock, [this] { return !asleep_; });
      idle_looks = 0;
    } else {
      wake_.wait_for(lock, kLookEvery);
    }
  }
}

}  // namespace ortserve
