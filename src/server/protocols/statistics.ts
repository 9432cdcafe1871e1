// SPDX-License-Identifier: Apache-2.0
// The statistics extension of the Open Inference Protocol, from the core's counters.
import type { NativeBatchCuts, NativeCacheStats, NativeDuration, NativeModelStats } from "../../native/stats.js";
import type { GpuState } from "../../runtime/devices.js";
import type { Servable } from "../../serving/model-store.js";

/** `ns`: total, whole: a client that reads it as an unsigned integer refuses anything else. */
interface Duration {
  count: number;
  ns: number;
}

interface Stages {
  readonly computeInput: NativeDuration;
  readonly computeInfer: NativeDuration;
  readonly computeOutput: NativeDuration;
}

/** `{"model_stats": [...]}` with one entry per version. */
export function modelStatistics(servables: readonly Servable[]): { model_stats: unknown[] } {
  return { model_stats: servables.map(statisticsOf) };
}

/** One entry per GPU; what it does not tell is left out. */
export function gpuStatistics(gpus: readonly GpuState[]) {
  return gpus.map(({ index, name, uuid, ...gpu }) => {
    const readings = {
      memory_total_bytes: gpu.memoryTotal,
      memory_used_bytes: gpu.memoryUsed,
      utilization: gpu.utilization,
      memory_utilization: gpu.memoryUtilization,
      power_watts: gpu.powerWatts,
      power_limit_watts: gpu.powerLimitWatts,
      temperature_celsius: gpu.temperature,
    };
    const told = Object.entries(readings).filter(([, value]) => value >= 0);
    return { index, name, uuid, ...Object.fromEntries(told) };
  });
}

function statisticsOf({ name, version, model }: Servable) {
  const stats = model.stats();
  return {
    name,
    version,
    last_inference: stats.lastRequestMillis,
    inference_count: stats.rows,
    execution_count: stats.executions,
    inference_stats: {
      success: duration(stats.success),
      fail: duration(stats.fail),
      queue: duration(stats.queue),
      ...stages(stats),
      cache_hit: duration(stats.cacheHit),
      cache_miss: duration(stats.cacheMiss),
    },
    response_stats: {},
    batch_stats: stats.batches.map((batch) => ({ batch_size: batch.rows, ...stages(batch) })),
    memory_usage: [],
    batching_stats: batchingStatistics(stats),
    queue_stats: queueStatistics(stats),
    copied_bytes: stats.copiedBytes,
    cache_stats: cacheStatistics(stats.cache),
    record_stats: stats.samples,
  };
}

function stages({ computeInput, computeInfer, computeOutput }: Stages) {
  return {
    compute_input: duration(computeInput),
    compute_infer: duration(computeInfer),
    compute_output: duration(computeOutput),
  };
}

/** How batches came to their size, and what did not go through one. */
function batchingStatistics({ batchCuts, ranInline, isolated, paddedRows }: NativeModelStats) {
  return { cuts: cuts(batchCuts), ran_inline: ranInline, isolated, padded_rows: paddedRows };
}

function cuts({ instanceFree, ...others }: NativeBatchCuts) {
  return { ...others, instance_free: instanceFree };
}

/** What waits now, and what became of requests that did not run. */
function queueStatistics(stats: NativeModelStats) {
  return {
    rows: stats.queuedRows,
    delayed: stats.delayed,
    cancelled: stats.cancelled,
    expired: stats.expired,
    refused_full: stats.refusedFull,
    refused_deadline: stats.refusedDeadline,
  };
}

/** Of a cached model hits + misses + joins + bypasses are the requests that reached it. */
function cacheStatistics({ tooLarge, ...counts }: NativeCacheStats) {
  return { ...counts, too_large: tooLarge };
}

function duration({ count, nanoseconds }: NativeDuration): Duration {
  return { count, ns: nanoseconds };
}
