// SPDX-License-Identifier: Apache-2.0
// The logging extension of the Open Inference Protocol: reads and changes the level of the server's logger.
import { logSettings } from "../../telemetry/log-settings.js";
import { jsonBody } from "../command-body.js";
import type { CommandRoute, QueryRoute } from "../routes.js";
import { logSettingsSchema } from "./open-inference-schemas.js";

export const loggingQueries: readonly QueryRoute[] = [
  {
    pattern: "/v2/logging",
    doc: { summary: "Tell what is logged", tag: "Server", response: logSettingsSchema },
    handle: ({ accessLog }, _params, reply) => reply.sendJson(logSettings(accessLog.logger)),
  },
];

export const loggingCommands: readonly CommandRoute[] = [
  {
    method: "POST",
    pattern: "/v2/logging",
    doc: {
      summary: "Change what is logged",
      tag: "Server",
      request: logSettingsSchema.partial(),
      response: logSettingsSchema,
      example: { log_verbose_level: 0 },
      errors: ["ERR_INVALID_JSON", "ERR_UNSUPPORTED"],
    },
    handle: ({ accessLog }, { body }, reply) => {
      accessLog.change(jsonBody(body));
      reply.sendJson(logSettings(accessLog.logger));
    },
  },
];
