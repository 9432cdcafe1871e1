// SPDX-License-Identifier: Apache-2.0
#include "core/traffic_samples.h"

#include <cmath>
#include <new>
#include <span>
#include <utility>

namespace ortserve {

namespace {

// SplitMix64 (Steele, Lea, Flood 2014): consecutive numbers become independent ones.
uint64_t scatter(uint64_t number) noexcept {
  number += 0x9e3779b97f4a7c15ull;
  number = (number ^ (number >> 30)) * 0xbf58476d1ce4e5b9ull;
  number = (number ^ (number >> 27)) * 0x94d049bb133111ebull;
  return number ^ (number >> 31);
}

uint64_t bytes_of(const TrafficSamples::Sample& sample) noexcept {
  uint64_t bytes = sizeof(sample);
  for (const Tensor& input : sample.inputs) bytes += sizeof(input) + input.byte_size();
  return bytes;
}

}  // namespace

void TrafficSamples::pick(double share, uint64_t seed) noexcept {
  seen_.store(seed, std::memory_order_relaxed);
  const double limit = std::ldexp(share, 64);
  limit_.store(share >= 1 ? UINT64_MAX : static_cast<uint64_t>(limit), std::memory_order_relaxed);
}

void TrafficSamples::offer(const Request& request, bool batched) noexcept {
  const uint64_t limit = limit_.load(std::memory_order_relaxed);
  if (limit == 0) return;
  const int64_t rows = batched ? request.rows : 1;
  const uint64_t first = seen_.fetch_add(static_cast<uint64_t>(rows), std::memory_order_relaxed);
  for (int64_t row = 0; row < rows; ++row) {
    if (scatter(first + static_cast<uint64_t>(row)) > limit) continue;
    keep(request, batched ? std::optional(row) : std::nullopt);
  }
}

void TrafficSamples::keep(const Request& request, std::optional<int64_t> row) noexcept {
  const auto drop = [this] {
    const std::lock_guard lock(mutex_);
    ++counts_.dropped;
  };
  try {
    Sample sample;
    sample.present = request.present;
    for (size_t i = 0; i < request.inputs.size(); ++i) {
      Tensor& copy = sample.inputs.emplace_back();
      if (!request.present[i]) continue;
      copy = row ? request.inputs[i].rows(*row, 1) : request.inputs[i];
      if (copy.data.empty()) continue;
      copy.data = Buffer::copy_of({copy.data.data(), copy.data.size()});
      if (copy.data.empty()) return drop();
    }
    const uint64_t bytes = bytes_of(sample);
    const std::lock_guard lock(mutex_);
    if (waiting_bytes_ + bytes > most_waiting_) {
      ++counts_.dropped;
      return;
    }
    waiting_.push_back(std::move(sample));
    waiting_bytes_ += bytes;
    ++counts_.kept;
  } catch (const std::bad_alloc&) {
    drop();
  }
}

std::optional<TrafficSamples::Sample> TrafficSamples::take() {
  const std::lock_guard lock(mutex_);
  if (waiting_.empty()) return std::nullopt;
  Sample sample = std::move(waiting_.front());
  waiting_.pop_front();
  waiting_bytes_ -= bytes_of(sample);
  return sample;
}

TrafficSamples::Counts TrafficSamples::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

}  // namespace ortserve
