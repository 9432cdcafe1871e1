// SPDX-License-Identifier: Apache-2.0
// The end of the line in tests: keeps what was delivered until somebody asks.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "core/request.h"

namespace ortserve::testing {

class Collector final : public ResultSink {
 public:
  void deliver(std::unique_ptr<Request> request) noexcept override {
    const std::lock_guard lock(mutex_);
    done_.push_back(std::move(request));
    changed_.notify_all();
  }

  /// Blocks until `count` requests are there; hands over all of them.
  std::vector<std::unique_ptr<Request>> wait_for(size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return done_.size() >= count; });
    return std::exchange(done_, {});
  }

  size_t count() {
    const std::lock_guard lock(mutex_);
    return done_.size();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::unique_ptr<Request>> done_;
};

}  // namespace ortserve::testing
