// SPDX-License-Identifier: Apache-2.0
#include "addon/request_ticket.h"

#include <chrono>
#include <string>

#include "addon/js_read.h"

namespace ortserve {

namespace {

constexpr int64_t kLongestMicros = INT64_C(366) * 24 * 3600 * 1'000'000;  // beyond: as good as none, and no overflow

}  // namespace

TimePoint deadline_after(TimePoint start, int64_t micros) {
  if (micros <= 0 || micros > kLongestMicros) return kNoDeadline;
  return start + std::chrono::microseconds(micros);
}

CacheUse read_cache_use(napi_env env, napi_value value) {
  return static_cast<CacheUse>(read_integer(env, value, "cacheUse", 0, static_cast<int64_t>(CacheUse::kBypass)));
}

std::unique_ptr<PortRequest> ticketed_request(Environment& environment, const std::shared_ptr<LoadedModel>& model,
                                              TimePoint received, TimePoint deadline) {
  CompletionPort& completions = environment.completions();
  auto request = completions.spare_requests().take();
  request->ticket = completions.tickets().open();
  if (request->ticket == 0) {
    fail(Code::kQueueFull, std::to_string(TicketTable::kMaxOpen) + " requests of this thread are unanswered");
  }
  request->port = environment.shared_completions();
  request->sink = &completions;
  request->model = model;
  request->cancelled = completions.tickets().cancelled(request->ticket);
  request->deadline = deadline;
  request->timings.received = received;
  return request;
}

}  // namespace ortserve
