// SPDX-License-Identifier: Apache-2.0
// The answers of the Open Inference Protocol's queries.
import { z } from "zod";

export const serverMetadataSchema = z
  .object({ name: z.string(), version: z.string(), extensions: z.array(z.string()) })
  .meta({ id: "ServerMetadata" });

export const modelNamesSchema = z.object({ models: z.array(z.string()) }).meta({ id: "ModelNames" });

const tensor = z
  .object({
    name: z.string(),
    datatype: z.string(),
    shape: z.array(z.int()).describe("-1 where any size is accepted."),
    parameters: z
      .record(z.string(), z.unknown())
      .optional()
      .describe("`kind` of what is not a tensor; `features`: names of the columns."),
  })
  .meta({ id: "TensorMetadata" });

export const modelMetadataSchema = z
  .object({
    name: z.string(),
    versions: z.array(z.string()),
    platform: z.string(),
    inputs: z.array(tensor),
    outputs: z.array(tensor),
    parameters: z
      .object({ notes: z.array(z.string()).describe("What its configuration asks for and does not get.") })
      .optional(),
  })
  .meta({ id: "ModelMetadata" });

export const modelReadySchema = z.object({ name: z.string(), ready: z.literal(true) }).meta({ id: "ModelReady" });

const duration = z
  .object({ count: z.int().min(0), ns: z.int().min(0).describe("Nanoseconds in total.") })
  .meta({ id: "Duration" });

const computeTimes = { compute_input: duration, compute_infer: duration, compute_output: duration };

const calls = z.int().min(0);
const cacheStatistics = z
  .object({
    hits: calls,
    misses: calls,
    joins: calls.describe("Answered by the run of an identical request in flight."),
    bypasses: calls,
    inserted: calls,
    evicted: calls.describe("Dropped to make room."),
    expired: calls,
    too_large: calls,
    entries: calls,
    bytes: calls,
    shared: z
      .object({
        hits: calls,
        misses: calls,
        timeouts: calls,
        errors: calls,
        skipped: calls,
        stored: calls,
        dropped: calls,
      })
      .describe("Lookups and stores of the second level. Its hits are among `hits` above."),
  })
  .describe("The prediction cache: requests, results and bytes.")
  .meta({ id: "CacheStatistics" });

const batchingStatistics = z
  .object({
    cuts: z
      .object({
        full: calls.describe("The cap was reached."),
        share: calls.describe("An even share of what was there; the rest was left to the other instances."),
        preferred: calls.describe("A preferred size, or as many rows as a delay waits for, was there."),
        delay: calls.describe("The oldest request had waited for the longest delay."),
        deadline: calls.describe("Waiting longer would have cost a request its deadline."),
        shape: calls.describe("Only requests of other shapes were left."),
        instance_free: calls.describe("An instance was free and took everything."),
      })
      .describe("Batches, by what ended them."),
    ran_inline: calls.describe("Requests so cheap that they ran on the thread that read them."),
    isolated: calls.describe("Requests that ran again by themselves, because their batch had failed."),
    padded_rows: calls.describe("Rows that only filled a batch up to an allowed size."),
  })
  .meta({ id: "BatchingStatistics" });

const queueStatistics = z
  .object({
    rows: calls.describe("Waiting now."),
    delayed: calls.describe("Moved back by the queue timeout."),
    cancelled: calls.describe("Dropped before their run, because the caller had gone."),
    expired: calls.describe("Dropped before their run, because their time was over."),
    refused_full: calls,
    refused_deadline: calls.describe("Refused on arrival, because they could not have been in time."),
  })
  .describe("Requests that did not run when they came.")
  .meta({ id: "QueueStatistics" });

export const statisticsSchema = z
  .object({
    model_stats: z.array(
      z.object({
        name: z.string(),
        version: z.string(),
        last_inference: z.int().min(0).describe("Milliseconds since 1970; 0: never."),
        inference_count: z.int().min(0).describe("Rows."),
        execution_count: z.int().min(0).describe("Runs of the model."),
        inference_stats: z.object({
          success: duration,
          fail: duration,
          queue: duration,
          ...computeTimes,
          cache_hit: duration,
          cache_miss: duration,
        }),
        batch_stats: z.array(z.object({ batch_size: z.int().min(1), ...computeTimes })),
        batching_stats: batchingStatistics,
        queue_stats: queueStatistics,
        copied_bytes: z.object({ in: calls, out: calls }).describe("Payload bytes that were copied on their way."),
        cache_stats: cacheStatistics,
      }),
    ),
  })
  .meta({ id: "ModelStatistics" });

const reading = z.number().min(0).optional();

export const serverStatisticsSchema = statisticsSchema
  .extend({
    gpu_stats: z
      .array(
        z.object({
          index: z.int().min(0).describe("In PCI order."),
          name: z.string(),
          uuid: z.string(),
          memory_total_bytes: reading,
          memory_used_bytes: reading,
          utilization: reading.describe("Share of the last sample period in which a kernel ran, 0 to 1."),
          memory_utilization: reading.describe("The same of the memory interface."),
          power_watts: reading,
          power_limit_watts: reading,
          temperature_celsius: reading,
        }),
      )
      .optional()
      .describe(
        "Where NVIDIA's driver tells of GPUs, read at most once a second; a reading that a GPU lacks is left out.",
      ),
  })
  .meta({ id: "ServerStatistics" });

const configTensor = z
  .looseObject({
    name: z.string(),
    data_type: z.string(),
    dims: z.array(z.int()).describe("Without the batch dimension."),
  })
  .meta({ id: "ConfigTensor" });

export const modelConfigurationSchema = z
  .looseObject({
    name: z.string(),
    platform: z.string(),
    backend: z.string(),
    max_batch_size: z.int().min(0).describe("0: the model is not batched."),
    input: z.array(configTensor),
    output: z.array(configTensor),
    dynamic_batching: z.looseObject({}).optional(),
    instance_group: z.array(z.looseObject({ kind: z.string(), count: z.int().min(1) })),
    parameters: z.record(z.string(), z.object({ string_value: z.string() })),
    response_cache: z.object({ enable: z.boolean() }),
  })
  .describe("Triton's ModelConfig, in the JSON form of its protocol buffer.")
  .meta({ id: "ModelConfiguration" });

export const logSettingsSchema = z
  .object({
    log_file: z.literal("").describe("Lines go to stdout."),
    log_info: z.boolean(),
    log_warning: z.boolean(),
    log_error: z.boolean(),
    log_verbose_level: z.int().min(0).describe("1: a line per request; 2: everything."),
    log_format: z.literal("ISO8601"),
  })
  .meta({ id: "LogSettings" });
