// SPDX-License-Identifier: Apache-2.0
// The prediction cache's command: forget.
import { z } from "zod";
import type { CommandRoute } from "../routes.js";

const flushed = z
  .object({ name: z.string(), versions: z.array(z.string()).describe("Those whose results were forgotten.") })
  .meta({ id: "CacheFlush" });

function flushRoute(pattern: string, summary: string): CommandRoute {
  return {
    method: "POST",
    pattern,
    doc: {
      summary,
      description:
        "On both levels of the cache. Runs in flight still answer those who wait for them, and are not stored. The body is ignored.",
      tag: "Prediction cache",
      request: "nothing",
      response: flushed,
      errors: ["ERR_MODEL_NOT_FOUND", "ERR_MODEL_CLOSED"],
    },
    handle: ({ service }, { params: [name = "", version = ""] }, reply) => {
      const servables = service.select(name, version);
      for (const { model } of servables) model.flushCache();
      reply.sendJson({ name, versions: servables.map((servable) => servable.version) });
    },
  };
}

export const cacheCommands: readonly CommandRoute[] = [
  flushRoute("/v2/models/:model/cache/flush", "Forget a model's cached results"),
  flushRoute("/v2/models/:model/versions/:version/cache/flush", "Forget a model's cached results, by version"),
];
