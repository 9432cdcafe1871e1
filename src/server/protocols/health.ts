// SPDX-License-Identifier: Apache-2.0
// Is the process alive, and does it want requests?
import { z } from "zod";
import type { QueryRoute } from "../routes.js";

export const healthRoutes: readonly QueryRoute[] = [
  {
    pattern: "/healthz",
    doc: {
      summary: "Tell whether the server takes requests",
      tag: "Server",
      description: "For load balancers: status 503, with the same body, from the moment shutdown begins.",
      response: z.object({ status: z.enum(["ok", "draining"]), models: z.int().min(0) }).meta({ id: "Health" }),
    },
    handle: ({ service }, _params, reply) => {
      const { ready } = service;
      reply.sendJson({ status: ready ? "ok" : "draining", models: service.names.length }, ready ? 200 : 503);
    },
  },
  {
    pattern: "/v2/health/live",
    doc: {
      summary: "Tell whether the process is alive",
      tag: "Open Inference Protocol",
      response: z.object({ live: z.literal(true) }),
    },
    handle: (_context, _params, reply) => reply.sendJson({ live: true }),
  },
  {
    pattern: "/v2/health/ready",
    doc: {
      summary: "Tell whether the server takes requests",
      tag: "Open Inference Protocol",
      response: z.object({ live: z.literal(true), ready: z.literal(true) }),
      errors: ["ERR_NOT_READY", "ERR_SHUTTING_DOWN"],
    },
    handle: ({ service }, _params, reply) => {
      service.checkReady();
      reply.sendJson({ live: true, ready: true });
    },
  },
];
