// SPDX-License-Identifier: Apache-2.0
// The batch plan: one call per formed batch, on queues of several lengths.
#include <string>

#include "core/batch_plan.h"
#include "measure.h"

namespace ortserve::bench {
namespace {

void plan(size_t length, uint64_t shapes) {
  const TimePoint now = Clock::now();
  std::vector<QueuedEntry> queue;
  for (size_t i = 0; i < length; ++i) queue.push_back({1, i % shapes, now, kNoDeadline, false});
  const BatchPolicy policy{.max_rows = 32, .worthwhile_rows = 8};
  BatchPlan plan;
  const double nanoseconds = nanoseconds_per_call([&] {
    plan_batch(queue, policy, {.rows = static_cast<int64_t>(length)}, now, plan);
    keep(plan);
  });
  require(!plan.take.empty(), "the plan took nothing");
  const std::string of = shapes > 1 ? ", " + std::to_string(shapes) + " shapes mixed" : "";
  report("batch plan", (std::to_string(length) + " requests queued" + of).c_str(), nanoseconds, "batch");
}

}  // namespace

void bench_plan() {
  plan(1, 1);
  plan(32, 1);
  plan(1024, 1);
  plan(1024, 4);
}

}  // namespace ortserve::bench
