// SPDX-License-Identifier: Apache-2.0
#include "core/batch_plan.h"

#include <algorithm>
#include <array>

namespace ortserve {

namespace {

bool is_dead(const QueuedEntry& entry, TimePoint now) noexcept {
  return entry.cancelled || entry.deadline <= now;
}

struct Company {
  int64_t rows = 0;
  bool full = false;    // an entry of the same shape had to stay behind, or the cap is reached
  bool left = false;    // with `full`: entries stay behind
  bool others = false;  // entries of other shapes stay behind
  TimePoint oldest = TimePoint::max();
  TimePoint earliest_deadline = TimePoint::max();
};

// What a batch may take. Without a delay, an even share of what is there, so that no instance is idle while another
// runs all of it; but no less than is worthwhile.
int64_t row_limit(const BatchPolicy& policy, int64_t rows) {
  if (policy.instances <= 1 || policy.max_delay.count() > 0 || !policy.preferred_rows.empty()) return policy.max_rows;
  const int64_t share = (rows + policy.instances - 1) / policy.instances;
  return std::min(std::max(share, policy.worthwhile_rows), policy.max_rows);
}

// The first live entry, and those behind it that may share its batch. Entries of one shape keep their order: the first
// that does not fit ends the batch, so that a large request is never overtaken for ever.
Company gather(std::span<const QueuedEntry> queue, const BatchPolicy& policy, int64_t limit, TimePoint now,
               BatchPlan& plan) {
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
    if (!is_head && company.rows + entry.rows > limit) {
      company.full = company.left = true;
      break;
    }
    plan.take.push_back(i);
    company.rows += entry.rows;
    company.oldest = std::min(company.oldest, entry.queued);
    company.earliest_deadline = std::min(company.earliest_deadline, entry.deadline);
    company.full = company.rows >= limit;
    company.left = i + 1 < queue.size();
  }
  company.others = mismatches > 0;
  return company;
}

// How many of the taken entries make up the largest preferred size within reach; 0: none is.
size_t preferred_count(std::span<const QueuedEntry> queue, const BatchPolicy& policy, const BatchPlan& plan) {
  size_t count = 0;
  int64_t rows = 0;
  for (size_t i = 0; i < plan.take.size(); ++i) {
    rows += queue[plan.take[i]].rows;
    if (std::ranges::binary_search(policy.preferred_rows, rows)) count = i + 1;
  }
  return count;
}

bool delay_is_over(const Company& company, const BatchPolicy& policy, TimePoint now) {
  return policy.max_delay.count() > 0 && company.oldest + policy.max_delay <= now;
}

// Until when this company should wait for more, or TimePoint::min() to run now.
TimePoint wait_until(const Company& company, const BatchPolicy& policy, int busy_runners) {
  TimePoint until = TimePoint::min();
  if (company.full) return until;
  if (busy_runners > 0 && company.rows < policy.worthwhile_rows) until = company.oldest + policy.patience;
  if (company.rows < policy.target_rows) until = std::max(until, company.oldest + policy.max_delay);
  return until;
}

BatchCut cut_of(const Company& company, const BatchPolicy& policy, int64_t limit, TimePoint until, TimePoint now) {
  if (company.full && (company.left || limit == policy.max_rows)) {
    return limit < policy.max_rows ? BatchCut::kShare : BatchCut::kFull;
  }
  if (until > now) return BatchCut::kDeadline;
  if (policy.max_delay.count() > 0) {
    return company.rows >= policy.target_rows ? BatchCut::kPreferred : BatchCut::kDelay;
  }
  return company.others ? BatchCut::kShape : BatchCut::kInstanceFree;
}

}  // namespace

std::string_view batch_cut_name(BatchCut cut) noexcept {
  static constexpr std::array<std::string_view, kBatchCuts> kNames = {"full",     "share", "preferred",   "delay",
                                                                      "deadline", "shape", "instanceFree"};
  return kNames[static_cast<size_t>(cut)];
}

void plan_batch(std::span<const QueuedEntry> queue, const BatchPolicy& policy, BatchLoad load, TimePoint now,
                BatchPlan& plan) {
  plan.take.clear();
  plan.drop.clear();
  plan.wake = TimePoint::max();
  const int64_t limit = row_limit(policy, load.rows);
  const Company company = gather(queue, policy, limit, now, plan);
  if (plan.take.empty()) return;
  if (!policy.preferred_rows.empty() && !delay_is_over(company, policy, now)) {
    if (const size_t count = preferred_count(queue, policy, plan); count > 0) {
      plan.take.resize(count);
      plan.cut = BatchCut::kPreferred;
      return;
    }
  }
  const TimePoint until = wait_until(company, policy, load.busy_runners);
  // A deadline that the run would miss after the wait ends the wait.
  const bool urgent = company.earliest_deadline != kNoDeadline && company.earliest_deadline - policy.run_time <= until;
  if (until <= now || urgent) {
    plan.cut = cut_of(company, policy, limit, until, now);
    return;
  }
  plan.take.clear();
  plan.wake = until;
}

}  // namespace ortserve
