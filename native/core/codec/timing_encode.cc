// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <chrono>

#include "core/codec/reply_formats.h"

namespace ortserve {

namespace {

int64_t micros(TimePoint from, TimePoint to) noexcept {
  if (from == TimePoint{}) return 0;
  return std::max<int64_t>(std::chrono::duration_cast<std::chrono::microseconds>(to - from).count(), 0);
}

}  // namespace

void write_timing(JsonWriter& writer, const Request& request) noexcept {
  const Timings& timings = request.timings;
  writer.text(R"({"batch_size":)");
  writer.integer(request.batch_rows);
  writer.text(R"(,"queue_us":)");
  writer.integer(micros(timings.queued, timings.started));
  writer.text(R"(,"compute_us":)");
  writer.integer(micros(timings.started, timings.computed));
  writer.put('}');
}

}  // namespace ortserve
