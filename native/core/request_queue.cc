// SPDX-License-Identifier: Apache-2.0
#include "core/request_queue.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace ortserve {

namespace {

QueuePolicy checked(QueuePolicy policy) {
  policy.priority_levels = std::max(policy.priority_levels, 1u);
  policy.default_priority = std::clamp(policy.default_priority, 1u, policy.priority_levels);
  return policy;
}

std::string millis(Nanoseconds time) {
  std::string text = std::to_string(static_cast<double>(time.count()) / 1e6);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text + " ms";
}

}  // namespace

RequestQueue::RequestQueue(QueuePolicy policy)
    : policy_(checked(std::move(policy))), level_rows_(policy_.priority_levels) {}

uint32_t RequestQueue::level_of(const Request& request) const noexcept {
  const bool exists = request.priority >= 1 && request.priority <= policy_.priority_levels;
  return (exists ? static_cast<uint32_t>(request.priority) : policy_.default_priority) - 1;
}

Nanoseconds RequestQueue::timeout_of(const Request& request) const noexcept {
  if (request.queue_timeout.count() <= 0) return policy_.timeout;
  return policy_.timeout.count() <= 0 ? request.queue_timeout : std::min(request.queue_timeout, policy_.timeout);
}

Status RequestQueue::room_for(const Request& request, const std::string& model) const {
  const int64_t waiting = level_rows_[level_of(request)];
  if (waiting == 0) return {};
  if (waiting + request.rows <= policy_.max_rows && bytes_ + request.input_bytes <= policy_.max_bytes) return {};
  return {Code::kQueueFull, "Exceeds maximum queue size: the queue of model '" + model +
                                "' is full: " + std::to_string(waiting) + " rows and " + std::to_string(bytes_) +
                                " bytes wait, at most " + std::to_string(policy_.max_rows) + " rows and " +
                                std::to_string(policy_.max_bytes) + " bytes may"};
}

void RequestQueue::push(std::unique_ptr<Request> request) {
  const uint32_t level = level_of(*request);
  const Nanoseconds timeout = timeout_of(*request);
  rows_ += request->rows;
  level_rows_[level] += request->rows;
  bytes_ += request->input_bytes;
  const TimePoint until = timeout.count() > 0 ? request->timings.queued + timeout : kNoDeadline;
  Entry entry{std::move(request), 2 * level, until};
  if (entries_.empty() || entries_.back().rank <= entry.rank) {
    entries_.push_back(std::move(entry));
  } else {
    entries_.insert(std::ranges::upper_bound(entries_, entry.rank, {}, &Entry::rank), std::move(entry));
  }
}

int64_t RequestQueue::rows_ahead_of(const Request& request) const noexcept {
  const auto end = level_rows_.begin() + level_of(request) + 1;
  return std::accumulate(level_rows_.begin(), end, int64_t{0});
}

uint64_t RequestQueue::list(size_t limit, TimePoint now, std::vector<QueuedEntry>& view) {
  const bool delays = policy_.on_timeout == OnQueueTimeout::kDelay;
  const auto end = entries_.begin() + static_cast<ptrdiff_t>(std::min(limit, entries_.size()));
  const auto late = [now](const Entry& entry) { return entry.until <= now; };
  const uint64_t moved = delays && std::any_of(entries_.begin(), end, late) ? move_back(now) : 0;
  view.clear();
  for (size_t i = 0; i < entries_.size() && i < limit; ++i) {
    const Request& request = *entries_[i].request;
    const TimePoint deadline = delays ? request.deadline : std::min(request.deadline, entries_[i].until);
    view.push_back({request.rows, request.shape_key, request.timings.queued, deadline, request.is_cancelled()});
  }
  listed_ = view.size();
  return moved;
}

// All late ones at once: each request moves at most once, however long the queue.
uint64_t RequestQueue::move_back(TimePoint now) {
  uint64_t moved = 0;
  for (Entry& entry : entries_) {
    if (entry.until > now) continue;
    entry.rank |= 1;
    entry.until = kNoDeadline;
    ++moved;
  }
  std::ranges::stable_sort(entries_, {}, &Entry::rank);
  return moved;
}

std::unique_ptr<Request> RequestQueue::take(size_t index) {
  auto request = std::move(entries_[index].request);
  rows_ -= request->rows;
  level_rows_[entries_[index].rank / 2] -= request->rows;
  bytes_ -= request->input_bytes;
  return request;
}

std::unique_ptr<Request> RequestQueue::take_dead(size_t index, TimePoint now) {
  auto request = take(index);
  request->status = dead_status(*request, now);
  if (request->status.ok()) {
    request->status = Status(Code::kQueueTimeout,
                             "Request timeout expired: the request waited longer in the queue than its timeout of " +
                                 millis(entries_[index].until - request->timings.queued));
  }
  return request;
}

void RequestQueue::close_gaps() {
  const auto end = entries_.begin() + static_cast<ptrdiff_t>(std::exchange(listed_, 0));
  entries_.erase(std::remove_if(entries_.begin(), end, [](const Entry& entry) { return !entry.request; }), end);
}

std::vector<std::unique_ptr<Request>> RequestQueue::clear() {
  std::vector<std::unique_ptr<Request>> all;
  all.reserve(entries_.size());
  for (Entry& entry : entries_) all.push_back(std::move(entry.request));
  entries_.clear();
  std::ranges::fill(level_rows_, 0);
  rows_ = 0;
  bytes_ = 0;
  return all;
}

}  // namespace ortserve
