// SPDX-License-Identifier: Apache-2.0
// A share of the rows that a model ran on, kept until somebody writes them down: calibration data from live traffic.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <vector>

#include "core/request.h"
#include "core/tensor.h"

namespace ortserve {

/// Thread-safe. Never waits for whoever takes the samples: what does not fit is dropped and counted.
class TrafficSamples {
 public:
  /// One row of a batched model (dim 0 is 1), one request of any other: the tensors that the graph read.
  struct Sample {
    std::vector<Tensor> inputs;  ///< model order
    std::vector<bool> present;   ///< per input
  };
  struct Counts {
    uint64_t kept = 0;
    uint64_t dropped = 0;  ///< picked, but too much was waiting, or memory was short
  };

  /// @param most_waiting bytes of samples that wait to be taken
  explicit TrafficSamples(uint64_t most_waiting = 32ull << 20) noexcept : most_waiting_(most_waiting) {}

  /// From now on each row is picked with this probability, independently of the others; 0: none. What waits stays.
  /// `seed`: of the choice.
  void pick(double share, uint64_t seed) noexcept;
  /// Copies the picked rows of a request that has run, whose inputs are still there.
  void offer(const Request& request, bool batched) noexcept;
  /// The oldest that waits.
  std::optional<Sample> take();
  Counts counts() const;

 private:
  void keep(const Request& request, std::optional<int64_t> row) noexcept;

  const uint64_t most_waiting_;
  std::atomic<uint64_t> limit_{0};  // a row is picked when its hash is below; 0: none
  std::atomic<uint64_t> seen_{0};   // rows so far, from `seed` on: what the hash is taken of

  mutable std::mutex mutex_;  // guards everything below
  std::deque<Sample> waiting_;
  uint64_t waiting_bytes_ = 0;
  Counts counts_;
};

}  // namespace ortserve
