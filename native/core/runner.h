// SPDX-License-Identifier: Apache-2.0
// The one thing the core asks of an inference engine. ONNX Runtime implements it; tests fake it.
#pragma once

#include <atomic>
#include <span>
#include <vector>

#include "core/model_spec.h"
#include "core/request.h"
#include "core/status.h"
#include "core/tensor.h"

namespace ortserve {

/// When the stages of a run ended; a runner that cannot tell leaves them unset.
struct RunTimes {
  TimePoint bound{};     ///< inputs and outputs were handed to the engine
  TimePoint computed{};  ///< the engine has run the model
};

class Runner {
 public:
  virtual ~Runner() = default;

  /// Runs the model once. Thread-safe: any number of calls may be in flight.
  /// `inputs`: model order, `present[i]` false for an absent optional input. Not modified, read until the call returns.
  /// `wanted`: output indices, one entry of `outputs` each, in that order.
  /// `terminate`: polled at the engine's own granularity; a run it stops returns kCancelled. May be null.
  /// `times`: may be null.
  virtual Status run(std::span<const Tensor> inputs, const std::vector<bool>& present, std::span<const uint16_t> wanted,
                     std::vector<Value>& outputs, const std::atomic<bool>* terminate,
                     RunTimes* times = nullptr) noexcept = 0;

  /// Asks every run in flight to stop as soon as it can; they return kCancelled. For shutdown.
  virtual void terminate_all() noexcept = 0;
};

}  // namespace ortserve
