// SPDX-License-Identifier: Apache-2.0
// The model repository extension of the Open Inference Protocol: what there is, and loading and unloading it.
import { z } from "zod";
import { OrtserveError } from "../../errors.js";
import { repositoryStatus } from "../http-status.js";
import type { CommandRoute } from "../routes.js";
import { readLoadRequest, readUnloadRequest, requestObject } from "./repository-requests.js";

const tag = "Model repository";
const states = ["UNKNOWN", "READY", "UNAVAILABLE", "LOADING", "UNLOADING"];

const indexSchema = z
  .array(
    z.object({
      name: z.string(),
      version: z.string().optional(),
      state: z.enum(states).optional().describe("Absent where the model was never loaded."),
      reason: z.string().optional(),
    }),
  )
  .meta({ id: "RepositoryIndex" });

const indexRequest = z.object({ ready: z.boolean().optional() }).meta({ id: "RepositoryIndexRequest" });
const loadRequest = z
  .object({
    parameters: z
      .record(z.string(), z.string())
      .optional()
      .describe("`config`: its configuration, as JSON in a string; `file:1/model.onnx` and the like: files in base64."),
  })
  .meta({ id: "RepositoryLoadRequest" });
const unloadRequest = z
  .object({ parameters: z.object({ unload_dependents: z.boolean().optional() }).optional() })
  .meta({ id: "RepositoryUnloadRequest" });

const loadErrors = [
  "ERR_MODEL_NOT_FOUND",
  "ERR_LOAD_FAILED",
  "ERR_INVALID_CONFIG",
  "ERR_INVALID_JSON",
  "ERR_OUT_OF_MEMORY",
  "ERR_NOT_ALLOWED",
  "ERR_SHUTTING_DOWN",
] as const;

const live: readonly CommandRoute[] = [
  {
    method: "POST",
    pattern: "/v2/repository/index",
    changesNothing: true,
    doc: {
      summary: "List what is in the repository",
      tag,
      request: indexRequest,
      example: { ready: true },
      response: indexSchema,
      errors: ["ERR_INVALID_JSON"],
    },
    handle: async ({ service }, { body }, reply) => {
      const { ready = false } = requestObject(body);
      if (typeof ready !== "boolean") throw invalid("Invalid value for 'ready': expected a boolean");
      const entries = await service.admin.index();
      reply.sendJson(ready ? entries.filter(({ state }) => state === "READY") : entries);
    },
  },
  {
    method: "POST",
    pattern: "/v2/repository/models/:model/load",
    statuses: repositoryStatus,
    doc: {
      summary: "Load a model, or load it anew",
      description: "Answers once it is ready; until then, and when it fails, what was loaded goes on serving.",
      tag,
      request: loadRequest,
      response: z.object({ name: z.string(), load: z.literal(true) }).meta({ id: "RepositoryLoad" }),
      errors: loadErrors,
    },
    handle: async ({ service }, { params: [model = ""], body }, reply) => {
      await service.admin.load(model, readLoadRequest(body)).catch((error: unknown) => {
        throw asTritonSays(model, error);
      });
      reply.sendJson({ name: model, load: true });
    },
  },
  {
    method: "POST",
    pattern: "/v2/repository/models/:model/unload",
    statuses: repositoryStatus,
    doc: {
      summary: "Take a model out of service",
      description: "Requests in flight are answered. A model that is not loaded, or not there, is no error.",
      tag,
      request: unloadRequest,
      response: z.object({ name: z.string(), unload: z.literal(true) }).meta({ id: "RepositoryUnload" }),
      errors: ["ERR_INVALID_JSON", "ERR_NOT_ALLOWED"],
    },
    handle: async ({ service }, { params: [model = ""], body }, reply) => {
      readUnloadRequest(body);
      await service.admin.unload(model);
      reply.sendJson({ name: model, unload: true });
    },
  },
];

/** The same with the name of one of several repositories, which there never are. */
const named = live.map(
  ({ method, pattern }): CommandRoute => ({
    method,
    pattern: pattern.replace("/v2/repository/", "/v2/repository/:repository/"),
    doc: { aliasOf: pattern.replace(":model", "{model}") },
    handle: () => {
      throw new OrtserveError("ERR_UNSUPPORTED", "'repository_name' specification is not supported");
    },
  }),
);

export const repositoryRoutes: readonly CommandRoute[] = [...live, ...named];

/** Clients of Triton look for these words. */
function asTritonSays(model: string, error: unknown): unknown {
  if (!(error instanceof OrtserveError)) return error;
  const { code, message } = error;
  const said = (text: string) => new OrtserveError(code, text, { cause: error });
  if (code === "ERR_LOAD_FAILED" || code === "ERR_PROVIDER_UNAVAILABLE") {
    return said(`load failed for model '${model}': ${message}`);
  }
  const polled = `failed to load '${model}', failed to poll from model repository`;
  const isPoll = code === "ERR_INVALID_CONFIG" || code === "ERR_MODEL_NOT_FOUND";
  return isPoll && message !== polled ? said(`${polled}: ${message}`) : error;
}

function invalid(message: string): OrtserveError {
  return new OrtserveError("ERR_INVALID_ARGUMENT", message);
}
