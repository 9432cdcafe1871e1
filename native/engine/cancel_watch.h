// SPDX-License-Identifier: Apache-2.0
// ONNX Runtime cannot be handed a flag to look at; somebody has to look at the caller's flags while it runs.
#pragma once

#include <condition_variable>
#include <mutex>
#include <vector>

namespace ortserve {

struct RunSlot;

/// Stops runs whose caller has set their flag, within a few milliseconds. Its thread sleeps while no run is watched,
/// and is woken at most once per burst of runs, so that a short run pays for two uncontended locks only. Thread-safe.
class CancelWatch {
 public:
  CancelWatch();
  CancelWatch(const CancelWatch&) = delete;
  CancelWatch& operator=(const CancelWatch&) = delete;

  /// False when there is no memory to remember the run: it is not watched then.
  bool add(RunSlot& run) noexcept;
  /// Afterwards the slot and its flag are not touched any more. The run was added.
  void remove(RunSlot& run) noexcept;

 private:
  [[noreturn]] void watch() noexcept;

  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<RunSlot*> runs_;
  bool asleep_ = false;
};

/// The process's watch, started with the first call. Never destroyed. Throws when no thread can be started.
CancelWatch& cancel_watch();

}  // namespace ortserve
