// SPDX-License-Identifier: Apache-2.0
// Open Inference Protocol v2: metadata, readiness, statistics and inference.
import { WireFormat } from "../../native/binding.js";
import { version as serverVersion } from "../../version.js";
import type { ServerContext } from "../context.js";
import type { Reply } from "../reply.js";
import type { InferenceRoute, QueryRoute } from "../routes.js";
import { modelStatistics } from "./statistics.js";

const serverMetadata = {
  name: "ortserve",
  version: serverVersion,
  extensions: ["binary_tensor_data", "parameters", "statistics"],
};

type Answer = (context: ServerContext, reply: Reply, model: string, version: string) => void;

/** The route with and without `/versions/V`: the protocol allows either everywhere. Without it `version` is "". */
function withVersion(tail: string, answer: Answer): QueryRoute[] {
  return [
    {
      pattern: `/v2/models/:model${tail}`,
      handle: (context, params, reply) => answer(context, reply, params(0), ""),
    },
    {
      pattern: `/v2/models/:model/versions/:version${tail}`,
      handle: (context, params, reply) => answer(context, reply, params(0), params(1)),
    },
  ];
}

export const openInferenceQueries: readonly QueryRoute[] = [
  { pattern: "/v2", handle: (_context, _params, reply) => reply.sendJson(serverMetadata) },
  { pattern: "/v2/", handle: (_context, _params, reply) => reply.sendJson(serverMetadata) },
  { pattern: "/v2/models", handle: ({ service }, _params, reply) => reply.sendJson({ models: service.names }) },
  {
    pattern: "/v2/models/stats",
    handle: ({ service }, _params, reply) => reply.sendJson(modelStatistics(service.select("", ""))),
  },
  ...withVersion("", ({ service }, reply, model, version) => {
    reply.sendJson(service.describe(model, version));
  }),
  ...withVersion("/ready", ({ service }, reply, model, version) => {
    service.find(model, version);
    if (service.ready) reply.sendJson({ name: model, ready: true });
    else reply.sendError("ERR_SHUTTING_DOWN", "Server exiting");
  }),
  ...withVersion("/stats", ({ service }, reply, model, version) => {
    reply.sendJson(modelStatistics(service.select(model, version)));
  }),
];

export const openInferenceRoutes: readonly InferenceRoute[] = [
  {
    pattern: "/v2/models/:model/infer",
    format: WireFormat.openInference,
    find: ({ service }, params) => service.find(params(0), ""),
  },
  {
    pattern: "/v2/models/:model/versions/:version/infer",
    format: WireFormat.openInference,
    find: ({ service }, params) => service.find(params(0), params(1)),
  },
];
