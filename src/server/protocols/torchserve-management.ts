// SPDX-License-Identifier: Apache-2.0
// What of TorchServe's management interface has a meaning here: registering and unregistering models of the repository.
import { z } from "zod";
import { OrtserveError } from "../../errors.js";
import type { CommandRoute } from "../routes.js";
import { notFound, torchServeError } from "./torchserve-errors.js";

const tag = "TorchServe";
const errorBody = torchServeError;
const status = z.object({ status: z.string() }).meta({ id: "TorchServeStatus" });

export const torchServeManagement: readonly CommandRoute[] = [
  {
    method: "POST",
    pattern: "/models",
    doc: {
      summary: "Register a model of the repository, or load it anew",
      tag,
      description: "Needs explicit control. Answers once the model is ready; model archives cannot be fetched.",
      query: { url: "Name of a model of the repository; required.", model_name: "The same name, if any." },
      request: "nothing",
      response: status,
      errors: ["ERR_MODEL_NOT_FOUND", "ERR_LOAD_FAILED", "ERR_INVALID_CONFIG", "ERR_OUT_OF_MEMORY", "ERR_NOT_ALLOWED"],
    },
    errorBody,
    handle: async ({ service }, { query }, reply) => {
      const name = nameIn(query);
      await service.admin.load(name);
      const { version, model } = service.find(name, "");
      const workers = model.metadata.instances;
      reply.sendJson({ status: `Model "${name}" Version: ${version} registered with ${workers} initial workers` });
    },
  },
  {
    method: "DELETE",
    pattern: "/models/:model",
    doc: {
      summary: "Unregister a model",
      tag,
      description: "Needs explicit control. Requests in flight are answered.",
      request: "nothing",
      response: status,
      errors: ["ERR_MODEL_NOT_FOUND", "ERR_NOT_ALLOWED"],
    },
    errorBody,
    handle: async ({ service }, { params: [name = ""] }, reply) => {
      if (!service.names.includes(name)) throw notFound(name);
      await service.admin.unload(name);
      reply.sendJson({ status: `Model "${name}" unregistered` });
    },
  },
  {
    method: "DELETE",
    pattern: "/models/:model/:version",
    doc: {
      summary: "Refuse to unregister one version",
      tag,
      request: "nothing",
      response: status,
      errors: ["ERR_UNSUPPORTED"],
    },
    errorBody,
    handle: (_context, { params: [name = ""] }) => {
      const remedy = "name the versions to serve in its config.yaml ('versions') and load it anew";
      throw new OrtserveError("ERR_UNSUPPORTED", `versions of '${name}' are not unregistered one by one: ${remedy}`);
    },
  },
  {
    method: "PUT",
    pattern: "/models/:model",
    doc: {
      summary: "Refuse to scale workers",
      tag,
      request: "nothing",
      response: status,
      errors: ["ERR_UNSUPPORTED"],
    },
    errorBody,
    handle: (_context, { params: [name = ""] }) => {
      const remedy = "set 'instances' in its config.yaml and load it anew";
      throw new OrtserveError(
        "ERR_UNSUPPORTED",
        `the workers of '${name}' are not scaled while it is served: ${remedy}`,
      );
    },
  },
];

function nameIn(query: URLSearchParams): string {
  const url = query.get("url") ?? "";
  const name = query.get("model_name") ?? url;
  if (url !== "" && name === url && !/[/\\]|\.(mar|zip|tar\.gz)$/.test(url)) return url;
  throw new OrtserveError(
    "ERR_INVALID_ARGUMENT",
    `expected url=NAME of a model of the repository, and no other model_name, got url '${url}' and model_name '${name}'`,
  );
}
