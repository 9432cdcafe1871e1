// SPDX-License-Identifier: Apache-2.0
#include "core/shared_cache.h"

#include <utility>

namespace ortserve {

void SharedCache::start(std::shared_ptr<WorkerPool> workers) {
  const std::lock_guard lock(mutex_);
  workers_ = std::move(workers);
  timer_set_ = false;
}

void SharedCache::stop() noexcept {
  {
    const std::lock_guard lock(mutex_);
    workers_.reset();
  }
  give_up();
}

void SharedCache::connect(std::shared_ptr<Transport> transport) noexcept {
  down();
  const std::lock_guard lock(mutex_);
  std::swap(transport_, transport);
  storing_.clear();
  storing_bytes_ = 0;
}

void SharedCache::ready(Nanoseconds round_trip) noexcept {
  round_trip_ = round_trip.count();
  failures_ = 0;
  up_ = true;
}

void SharedCache::down() noexcept {
  up_ = false;
  give_up();
}

void SharedCache::give_up() noexcept {
  std::unordered_map<uint64_t, Waiting> waiting;
  {
    const std::lock_guard lock(mutex_);
    waiting.swap(waiting_);
    due_.clear();
  }
  const SharedLookup lookup{.outcome = SharedLookup::Outcome::kGivenUp};
  for (auto& [ticket, one] : waiting) one.client->looked_up(std::move(one.request), lookup);
}

void SharedCache::failed(int count) noexcept {
  if (count > 0 && failures_.fetch_add(count) + count >= options_.max_failures) down();
}

bool SharedCache::worth_asking(const Request& request, Nanoseconds run_cost, TimePoint now) const noexcept {
  if (!up_.load(std::memory_order_relaxed)) return false;
  if (run_cost.count() > 0 && run_cost.count() < round_trip_.load(std::memory_order_relaxed)) return false;
  return request.deadline == kNoDeadline || request.deadline - now > options_.budget;
}

bool SharedCache::ask(std::unique_ptr<Request>& request, std::shared_ptr<Client> client,
                      const Question& question) noexcept {
  const TimePoint now = Clock::now();
  if (!worth_asking(*request, question.run_cost, now)) return false;
  std::shared_ptr<Transport> transport;
  std::shared_ptr<WorkerPool> timer;
  uint64_t ticket = 0;
  {
    const std::lock_guard lock(mutex_);
    if (!transport_ || !workers_ || waiting_.size() >= options_.max_waiting) return false;
    transport = transport_;
    ticket = ++last_ticket_;
    waiting_.emplace(ticket, Waiting{std::move(request), std::move(client)});
    due_.push_back({now + options_.budget, ticket});
    if (!std::exchange(timer_set_, true)) timer = workers_;
  }
  if (timer) timer->announce_at(shared_from_this(), now + options_.budget);
  transport->lookup(ticket, question.key, question.wants_ttl);
  if (!is_up()) give_up();  // down() may have come just before the request was added
  return true;
}

void SharedCache::answer(uint64_t ticket, const SharedLookup& lookup) noexcept {
  Waiting waiting;
  {
    const std::lock_guard lock(mutex_);
    auto node = waiting_.extract(ticket);
    if (node.empty()) return;
    waiting = std::move(node.mapped());
  }
  const bool ok = lookup.outcome != SharedLookup::Outcome::kFailed;
  if (ok) failures_.store(0, std::memory_order_relaxed);
  waiting.client->looked_up(std::move(waiting.request), lookup);
  if (!ok) failed(1);
}

bool SharedCache::work(TimePoint now) noexcept {
  std::vector<Waiting> late;
  std::shared_ptr<WorkerPool> timer;
  TimePoint next{};
  {
    const std::lock_guard lock(mutex_);
    while (!due_.empty()) {
      const auto found = waiting_.find(due_.front().ticket);
      if (found != waiting_.end()) {
        if (due_.front().when > now) break;
        late.push_back(std::move(found->second));
        waiting_.erase(found);
      }
      due_.pop_front();
    }
    timer_set_ = !due_.empty() && workers_;
    if (timer_set_) {
      timer = workers_;
      next = due_.front().when;
    }
  }
  if (timer) timer->announce_at(shared_from_this(), next);
  const SharedLookup lookup{.outcome = SharedLookup::Outcome::kLate};
  for (Waiting& one : late) one.client->looked_up(std::move(one.request), lookup);
  failed(static_cast<int>(late.size()));
  return false;
}

void SharedCache::store(const SharedKey& key, std::vector<std::byte> value, uint64_t generation, Nanoseconds ttl,
                        std::shared_ptr<SharedCounters> counters) noexcept {
  std::shared_ptr<Transport> transport;
  uint64_t ticket = 0;
  {
    const std::lock_guard lock(mutex_);
    if (transport_ && is_up() && storing_bytes_ + value.size() <= options_.max_storing_bytes) {
      transport = transport_;
      ticket = ++last_ticket_;
      storing_bytes_ += value.size();
      storing_.emplace(ticket, Storing{value.size(), counters});
    }
  }
  if (transport) {
    transport->store(ticket, key, std::move(value), generation, ttl);
  } else {
    ++counters->dropped;
  }
}

void SharedCache::flush(const CacheKey& model) noexcept {
  std::shared_ptr<Transport> transport;
  {
    const std::lock_guard lock(mutex_);
    transport = transport_;
  }
  if (transport) transport->flush(model);
}

void SharedCache::stored(uint64_t ticket, bool ok) noexcept {
  const std::lock_guard lock(mutex_);
  const auto node = storing_.extract(ticket);
  if (node.empty()) return;
  storing_bytes_ -= node.mapped().bytes;
  ++(ok ? node.mapped().counters->stored : node.mapped().counters->errors);
}

}  // namespace ortserve
