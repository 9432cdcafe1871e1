// SPDX-License-Identifier: Apache-2.0
// The runs of one session that are in flight, so that they can be stopped, and the scratch space they reuse.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

#include "engine/ort_api.h"

namespace ortserve {

/// What one run needs besides its tensors; kept for the next run.
struct RunSlot {
  Ort::RunOptions options;
  const std::atomic<bool>* terminate = nullptr;  ///< the caller's flag, watched while the run is in flight
  std::atomic<bool> stopped{false};              ///< stop() was called
  bool in_flight = false;                        ///< guarded by ActiveRuns
  bool without_graph = false;                    ///< `options` keep its runs from being captured
  std::vector<const char*> input_names, output_names;
  std::vector<Ort::Value> inputs, outputs;
  Ort::IoBinding binding{nullptr};  ///< made by the first run that binds

  /// Asks ORT to leave the run at the next node. Any thread, while the run is in flight.
  void stop() noexcept;
  /// Lets go of the tensors and of what the binding holds of them.
  void clear() noexcept;
};

/// Thread-safe.
class ActiveRuns {
 public:
  ActiveRuns() = default;
  ActiveRuns(const ActiveRuns&) = delete;
  ActiveRuns& operator=(const ActiveRuns&) = delete;

  /// A cleared slot, in flight until leave(). Throws bad_alloc or Ort::Exception.
  RunSlot& enter(const std::atomic<bool>* terminate);
  void leave(RunSlot& slot) noexcept;
  void stop_all() noexcept;
  /// Forgets every slot; none may be in flight.
  void clear() noexcept;

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<RunSlot>> slots_;  // as many as ever ran at once
  std::vector<RunSlot*> idle_;
};

/// A slot for the length of a scope.
class RunScope {
 public:
  RunScope(ActiveRuns& runs, const std::atomic<bool>* terminate) : runs_(runs), slot_(runs.enter(terminate)) {}
  ~RunScope() { runs_.leave(slot_); }
  RunScope(const RunScope&) = delete;
  RunScope& operator=(const RunScope&) = delete;

  RunSlot& slot() noexcept { return slot_; }

 private:
  ActiveRuns& runs_;
  RunSlot& slot_;
};

}  // namespace ortserve
