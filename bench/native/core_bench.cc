// SPDX-License-Identifier: Apache-2.0
// Times the pieces of the core that a request passes through; prints one line of JSON per result.
#include "measure.h"

int main() {
  ortserve::bench::bench_codec();
  ortserve::bench::bench_plan();
  ortserve::bench::bench_pool();
  ortserve::bench::bench_stats();
  ortserve::bench::bench_batcher();
  ortserve::bench::bench_cache();
  ortserve::bench::bench_transform();
  ortserve::bench::bench_histogram();
  ortserve::bench::bench_solve();
}
