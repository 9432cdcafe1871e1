// SPDX-License-Identifier: Apache-2.0
// A model made of code: what the batcher's tests run instead of ONNX Runtime.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <vector>

#include "core/runner.h"

namespace ortserve::testing {

/// FP32 [rows, 2] -> FP32 [rows, 1], the sum of the two columns; each behaviour can be bent.
class FakeRunner final : public Runner {
 public:
  explicit FakeRunner(BufferPool& pool) : pool_(pool) {}

  Status run(std::span<const Tensor> inputs, const std::vector<bool>&, std::span<const uint16_t> wanted,
             std::vector<Value>& outputs, const std::atomic<bool>*, RunTimes*) noexcept override {
    const Tensor& input = inputs[0];
    if (!pass_gate(input.shape[0])) return {Code::kCancelled, "terminated"};
    if (before_run) {
      if (Status status = before_run(input); !status.ok()) return status;
    }
    auto sums = allocate_tensor(pool_, DType::kFp32, Shape{input.shape[0], 1});
    if (!sums.ok()) return sums.take_status();
    for (int64_t row = 0; row < input.shape[0]; ++row) {
      const float* values = input.data.as<const float>() + row * input.shape[1];
      sums->data.as<float>()[row] = values[0] + values[1];
    }
    outputs.resize(wanted.size());
    for (Value& output : outputs) output.tensor = *sums;
    if (after_run) after_run(outputs);
    return {};
  }

  void terminate_all() noexcept override {
    const std::lock_guard lock(mutex_);
    terminated_ = true;
    changed_.notify_all();
  }

  /// Every run stops at the gate until it is opened; entered() says how many stand there or went through.
  void close_gate() {
    const std::lock_guard lock(mutex_);
    open_ = false;
  }
  void open_gate() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void wait_entered(size_t runs) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return rows_seen_.size() >= runs; });
  }
  std::vector<int64_t> rows_seen() {
    const std::lock_guard lock(mutex_);
    return rows_seen_;
  }

  std::function<Status(const Tensor&)> before_run;
  std::function<void(std::vector<Value>&)> after_run;

 private:
  bool pass_gate(int64_t rows) {
    std::unique_lock lock(mutex_);
    rows_seen_.push_back(rows);
    changed_.notify_all();
    changed_.wait(lock, [&] { return open_ || terminated_; });
    return !terminated_;
  }

  BufferPool& pool_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<int64_t> rows_seen_;
  bool open_ = true;
  bool terminated_ = false;
};

inline ModelSpec sum_spec() {
  ModelSpec spec;
  spec.name = "sum";
  spec.version = "1";
  spec.inputs.push_back({.name = "x", .dtype = DType::kFp32, .dims = Shape{-1, 2}, .dim_names = {"N", ""}});
  spec.outputs.push_back({.name = "y", .dtype = DType::kFp32, .dims = Shape{-1, 1}, .dim_names = {"N", ""}});
  spec.batched = true;
  return spec;
}

}  // namespace ortserve::testing
