// SPDX-License-Identifier: Apache-2.0
// Is the process alive, and does it want requests?
import type { QueryRoute } from "../routes.js";

export const healthRoutes: readonly QueryRoute[] = [
  {
    pattern: "/healthz",
    handle: ({ service }, _params, reply) => {
      const { ready } = service;
      reply.sendJson({ status: ready ? "ok" : "draining", models: service.names.length }, ready ? 200 : 503);
    },
  },
  { pattern: "/v2/health/live", handle: (_context, _params, reply) => reply.sendJson({ live: true }) },
  {
    pattern: "/v2/health/ready",
    handle: ({ service }, _params, reply) => {
      if (service.ready) reply.sendJson({ live: true, ready: true });
      else reply.sendError("ERR_SHUTTING_DOWN", "Server exiting");
    },
  },
];
