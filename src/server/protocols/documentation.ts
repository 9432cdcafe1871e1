// SPDX-License-Identifier: Apache-2.0
// The server's own description, in OpenAPI.
import { z } from "zod";
import { openApiDocument } from "../openapi/document.js";
import type { QueryRoute, Routes } from "../routes.js";

const openApi = z
  .object({ openapi: z.string(), info: z.looseObject({}), paths: z.looseObject({}), components: z.looseObject({}) })
  .meta({ id: "OpenApiDocument" });

/** @param routes what is described; asked only while a request is answered */
export function documentationRoutes(routes: () => Routes): readonly QueryRoute[] {
  return [
    {
      pattern: "/openapi.json",
      doc: { summary: "Describe the whole server in OpenAPI 3.1", tag: "Server", response: openApi },
      handle: ({ service }, _params, reply) => {
        const models = service.names.map((name) => service.find(name, "").model.metadata);
        reply.sendJson(openApiDocument(routes(), models));
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
      handle: ({ service }, params, reply) => {
        reply.sendJson(openApiDocument(routes(), [service.find(params(0), "").model.metadata], true));
      },
    },
  ];
}
