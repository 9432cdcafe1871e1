// SPDX-License-Identifier: Apache-2.0
#include "core/batch_plan.h"

#include <algorithm>

namespace ortserve {

namespace {

bool is_dead(const QueuedEntry& entry, TimePoint now) noexcept {
  return entry.cancelled || entry.deadline <= now;
}

struct Company {
  int64_t rows = 0;
  bool full = false;  // an entry of the same shape had to stay behind, or the cap is reached
  TimePoint earliest_deadline = TimePoint::max();
};

// The oldest live entry, and those behind it that may share its batch. Entries of one shape keep their order: the first
// that does not fit ends the batch, so that a large request is never overtaken for ever.
Company gather(std::span<const QueuedEntry> queue, const BatchPolicy& policy, TimePoint now, BatchPlan& plan) {
  Company company;
  size_t mismatches = 0;
  for (uint32_t i = 0; i < queue.size() && !company.full && mismatches <= policy.scan_limit; ++i) {
    const QueuedEntry& entry = queue[i];
    if (is_dead(entry, now)) {
      plan.drop.push_back(i);
      continue;
    }
    const bool is_head = plan.take.empty();
    if (!is_head && entry.shape_key != queue[plan.take.front()].shape_key) {
      ++mismatches;
      continue;
    }
    if (!is_head && company.rows + entry.rows > policy.max_rows) {
      company.full = true;
      break;
    }
    plan.take.push_back(i);
    company.rows += entry.rows;
    company.earliest_deadline = std::min(company.earliest_deadline, entry.deadline);
    company.full = company.rows >= policy.max_rows;
  }
  return company;
}

// Until when this company should wait for more, or TimePoint::min() to run now.
TimePoint wait_until(const Company& company, TimePoint oldest, const BatchPolicy& policy, int busy_runners) {
  TimePoint until = TimePoint::min();
  if (company.full) return until;
  if (busy_runners > 0 && company.rows < policy.worthwhile_rows) until = oldest + policy.patience;
  if (company.rows < policy.target_rows) until = std::max(until, oldest + policy.max_delay);
  return until;
}

}  // namespace

void plan_batch(std::span<const QueuedEntry> queue, const BatchPolicy& policy, int busy_runners, TimePoint now,
                BatchPlan& plan) {
  plan.take.clear();
  plan.drop.clear();
  plan.wake = TimePoint::max();
  const Company company = gather(queue, policy, now, plan);
  if (plan.take.empty()) return;
  const TimePoint until = wait_until(company, queue[plan.take.front()].queued, policy, busy_runners);
  // A deadline that would pass during the wait ends the wait.
  if (until <= now || company.earliest_deadline <= until) return;
  plan.take.clear();
  plan.wake = until;
}

}  // namespace ortserve
