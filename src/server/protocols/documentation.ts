// SPDX-License-Identifier: Apache-2.0
// The server's own description, in OpenAPI.
import { z } from "zod";
import { openApiDocument } from "../openapi/document.js";
import { DocumentCache } from "../openapi/document-cache.js";
import type { QueryRoute, Routes } from "../routes.js";

const openApi = z
  .object({ openapi: z.string(), info: z.looseObject({}), paths: z.looseObject({}), components: z.looseObject({}) })
  .meta({ id: "OpenApiDocument" });

/** @param routes what is described; asked only while a request is answered */
export function documentationRoutes(routes: () => Routes): readonly QueryRoute[] {
  const caches = new WeakMap<object, DocumentCache>(); // by server
  return [
    {
      pattern: "/openapi.json",
      doc: { summary: "Describe the whole server in OpenAPI 3.1", tag: "Server", response: openApi },
      handle: async ({ service }, _params, reply) => {
        const models = service.shown().map(({ model }) => model.metadata);
        const cache = caches.get(service) ?? new DocumentCache();
        caches.set(service, cache);
        reply.sendContent("application/json", await cache.text(routes(), models));
      },
    },
    {
      pattern: "/v2/models/:model/openapi.json",
      doc: {
        summary: "Describe the predictions of a model in OpenAPI 3.1",
        tag: "Server",
        response: openApi,
        errors: ["ERR_MODEL_NOT_FOUND", "ERR_MODEL_CLOSED"],
      },
      handle: async ({ service }, params, reply) => {
        reply.sendJson(await openApiDocument(routes(), [service.find(params(0), "").model.metadata], true));
      },
    },
  ];
}
