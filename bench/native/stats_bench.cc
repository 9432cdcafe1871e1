// SPDX-License-Identifier: Apache-2.0
// What statistics cost a request: the clock it reads for its stages, and its share of the record of its batch.
#include <string>

#include "core/stats.h"
#include "measure.h"

namespace ortserve::bench {

void bench_stats() {
  constexpr const char* kPiece = "statistics";
  report(kPiece, "read the clock", nanoseconds_per_call([] { keep(Clock::now()); }), "reading");
  for (const size_t size : {1, 16, 64}) {
    ModelStats stats;
    std::vector<std::unique_ptr<Request>> batch;
    for (size_t i = 0; i < size; ++i) batch.push_back(std::make_unique<Request>());
    const ModelStats::BatchRecord record{.rows = static_cast<int64_t>(size), .cut = BatchCut::kInstanceFree};
    const double nanoseconds = nanoseconds_per_call([&] { stats.finished(batch, record); });
    const std::string name = "record a batch of " + std::to_string(size);
    report(kPiece, name.c_str(), nanoseconds / static_cast<double>(size), "request");
  }
}

}  // namespace ortserve::bench
