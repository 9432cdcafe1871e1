// SPDX-License-Identifier: Apache-2.0
// The statistics extension of the Open Inference Protocol, from the core's counters.
import type { NativeDuration } from "../../native/binding.js";
import type { Servable } from "../../serving/model-store.js";

interface Duration {
  count: number;
  /** Total, in nanoseconds, whole. */
  ns: number;
}

const none: Duration = { count: 0, ns: 0 };

/** `{"model_stats": [...]}` with one entry per version. */
export function modelStatistics(servables: readonly Servable[]): { model_stats: unknown[] } {
  return { model_stats: servables.map(statisticsOf) };
}

function statisticsOf({ name, version, model, lastUsedAt }: Servable) {
  const stats = model.stats();
  return {
    name,
    version,
    last_inference: lastUsedAt && Math.round(performance.timeOrigin + lastUsedAt),
    inference_count: stats.rows,
    execution_count: stats.executions,
    inference_stats: {
      success: duration(stats.success),
      fail: duration(stats.fail),
      queue: duration(stats.queue),
      // Decoding and encoding are not told apart from the run yet; clients need the keys.
      compute_input: { count: stats.compute.count, ns: 0 },
      compute_infer: duration(stats.compute),
      compute_output: { count: stats.compute.count, ns: 0 },
      cache_hit: none,
      cache_miss: none,
    },
    response_stats: {},
    batch_stats: stats.batches.map(({ rows, count, nanoseconds }) => ({
      batch_size: rows,
      compute_input: { count, ns: 0 },
      compute_infer: { count, ns: Math.round(nanoseconds) },
      compute_output: { count, ns: 0 },
    })),
    memory_usage: [],
  };
}

function duration({ count, nanoseconds }: NativeDuration): Duration {
  return { count, ns: Math.round(nanoseconds) };
}
