// SPDX-License-Identifier: Apache-2.0
// What TorchServe says about models.
import { z } from "zod";
import { OrtserveError } from "../../errors.js";
import type { Servable } from "../../serving/model-store.js";

export const modelListSchema = z
  .object({
    models: z.array(z.object({ modelName: z.string(), modelUrl: z.string() })),
    nextPageToken: z.string().optional(),
  })
  .meta({ id: "TorchServeModels" });

export const modelDescriptionsSchema = z
  .array(
    z.object({
      modelName: z.string(),
      modelVersion: z.string(),
      modelUrl: z.string(),
      engine: z.string(),
      runtime: z.string(),
      minWorkers: z.int(),
      maxWorkers: z.int(),
      batchSize: z.int().describe("Most rows of one batch."),
      maxBatchDelay: z.number().describe("Milliseconds; what was configured, 0 where it is found from the traffic."),
      workers: z.array(z.object({ id: z.string(), status: z.string(), gpu: z.boolean() })),
      jobQueueStatus: z.object({ pendingRequests: z.int().describe("Rows that wait.") }),
    }),
  )
  .meta({ id: "TorchServeModelDescriptions" });

type Description = z.output<typeof modelDescriptionsSchema>[number];

export function describeServable({ name, version, model, config }: Servable): Description {
  const { instances, maxBatchRows, providers } = model.metadata;
  const gpu = providers.some(({ name, active }) => active && name !== "cpu");
  const delay = config.max_delay_ms;
  return {
    modelName: name,
    modelVersion: version,
    modelUrl: name,
    engine: "ONNXRuntime",
    runtime: "ortserve",
    minWorkers: instances,
    maxWorkers: instances,
    batchSize: maxBatchRows,
    maxBatchDelay: typeof delay === "number" ? delay : 0,
    workers: Array.from({ length: instances }, (_, index) => ({ id: String(index), status: "READY", gpu })),
    jobQueueStatus: { pendingRequests: model.stats().queuedRows },
  };
}

/** @throws OrtserveError ERR_INVALID_ARGUMENT for a limit or a token that is none */
export function pageOf(names: readonly string[], query: URLSearchParams): z.output<typeof modelListSchema> {
  const limit = numberOf(query, "limit", 100, 1);
  const start = numberOf(query, "next_page_token", 0, 0);
  const models = names.slice(start, start + limit).map((name) => ({ modelName: name, modelUrl: name }));
  const next = start + limit;
  return { models, ...(next < names.length && { nextPageToken: String(next) }) };
}

function numberOf(query: URLSearchParams, name: string, standard: number, least: number): number {
  const text = query.get(name);
  if (text === null) return standard;
  if (/^[0-9]{1,9}$/.test(text) && Number(text) >= least) return Number(text);
  throw new OrtserveError(
    "ERR_INVALID_ARGUMENT",
    `expected an integer of at least ${least} for ${name}, got '${text}'`,
  );
}
