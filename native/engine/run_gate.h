// SPDX-License-Identifier: Apache-2.0
// While one thread captures a CUDA graph, no other may use the device: capture fails when anybody allocates meanwhile.
#pragma once

#include <condition_variable>
#include <mutex>

namespace ortserve {

/// Many pass at once, or one alone. Unlike std::shared_mutex, who waits to be alone is not overtaken for ever.
class RunGate {
 public:
  void enter() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !alone_ && waiting_ == 0; });
    ++inside_;
  }
  void leave() noexcept {
    const std::lock_guard lock(mutex_);
    if (--inside_ == 0 && waiting_ > 0) changed_.notify_all();
  }
  void enter_alone() {
    std::unique_lock lock(mutex_);
    ++waiting_;
    changed_.wait(lock, [this] { return !alone_ && inside_ == 0; });
    --waiting_;
    alone_ = true;
  }
  void leave_alone() noexcept {
    const std::lock_guard lock(mutex_);
    alone_ = false;
    changed_.notify_all();
  }

  /// The gate of all GPU work of the process. Never destroyed.
  static RunGate& gpu() {
    static auto& gate = *new RunGate;
    return gate;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int inside_ = 0;
  int waiting_ = 0;
  bool alone_ = false;
};

/// Passes a gate for the length of a scope; a null gate is open.
class GatePass {
 public:
  GatePass(RunGate* gate, bool alone) : gate_(gate), alone_(alone) {
    if (!gate_) return;
    if (alone_) {
      gate_->enter_alone();
    } else {
      gate_->enter();
    }
  }
  ~GatePass() {
    if (!gate_) return;
    if (alone_) {
      gate_->leave_alone();
    } else {
      gate_->leave();
    }
  }
  GatePass(const GatePass&) = delete;
  GatePass& operator=(const GatePass&) = delete;

 private:
  RunGate* const gate_;
  const bool alone_;
};

}  // namespace ortserve
