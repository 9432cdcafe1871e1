// SPDX-License-Identifier: Apache-2.0
// Preloaded into every Node.js server under test: tells the bench, over IPC, how late the event loop runs its timers.
import { monitorEventLoopDelay } from "node:perf_hooks";

const resolution = 1; // ms; the histogram holds the whole interval between two timers, so this much is not delay
const histogram = monitorEventLoopDelay({ resolution });
histogram.enable();

const delayMs = (nanoseconds) => Math.max(0, nanoseconds / 1e6 - resolution);

process.on("message", (message) => {
  if (message === "loop-delay:reset") {
    histogram.reset();
    process.send({ reset: true });
  } else if (message === "loop-delay:read") {
    process.send({
      p50: delayMs(histogram.percentile(50)),
      p99: delayMs(histogram.percentile(99)),
      max: delayMs(histogram.max),
    });
  }
});
process.channel?.unref();
