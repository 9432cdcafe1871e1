// SPDX-License-Identifier: Apache-2.0
// Open Inference Protocol v2: metadata, readiness, statistics and inference.

import { WireFormat } from "../../native/binding.js";
import { gpuStates } from "../../runtime/devices.js";
import { configurationOf } from "../../serving/model-configuration.js";
import { version as serverVersion } from "../../version.js";
import type { ServerContext } from "../context.js";
import { generateForm } from "../openapi/generate-form.js";
import { openInferenceForm } from "../openapi/open-inference-form.js";
import type { InferenceDoc, QueryDoc } from "../openapi/route-doc.js";
import type { Reply } from "../reply.js";
import type { InferenceRoute, QueryRoute } from "../routes.js";
import {
  modelConfigurationSchema,
  modelMetadataSchema,
  modelNamesSchema,
  modelReadySchema,
  serverMetadataSchema,
  serverStatisticsSchema,
  statisticsSchema,
} from "./open-inference-schemas.js";
import { gpuStatistics, modelStatistics } from "./statistics.js";

const extensions = [
  "binary_tensor_data",
  "classification",
  "generate",
  "parameters",
  "schedule_policy",
  "statistics",
  "model_configuration",
  "logging",
];
const loadExtensions = ["model_repository", "model_repository(unload_dependents)"];

/** Only what works on this server is named. */
function serverMetadata({ service, settings }: ServerContext) {
  const loads = service.admin.control === "explicit" ? loadExtensions : [];
  const more = settings.sharedMemory ? [...loads, "system_shared_memory"] : loads;
  return { name: "ortserve", version: serverVersion, extensions: [...extensions, ...more] };
}

const tag = "Open Inference Protocol";
const missing = ["ERR_MODEL_NOT_FOUND", "ERR_MODEL_CLOSED"] as const;

type Answer = (context: ServerContext, reply: Reply, model: string, version: string) => void;

/** The route with and without `/versions/V`: the protocol allows either everywhere. Without it `version` is "". */
function withVersion(tail: string, doc: Omit<QueryDoc, "tag">, answer: Answer): QueryRoute[] {
  const described = { tag, ...doc, errors: [...missing, ...(doc.errors ?? [])] } as const;
  return [
    {
      pattern: `/v2/models/:model${tail}`,
      doc: described,
      handle: (context, params, reply) => answer(context, reply, params(0), ""),
    },
    {
      pattern: `/v2/models/:model/versions/:version${tail}`,
      doc: { ...described, summary: `${doc.summary}, by version` },
      handle: (context, params, reply) => answer(context, reply, params(0), params(1)),
    },
  ];
}

export const openInferenceQueries: readonly QueryRoute[] = [
  {
    pattern: "/v2",
    doc: { summary: "Describe the server", tag, response: serverMetadataSchema },
    handle: (context, _params, reply) => reply.sendJson(serverMetadata(context)),
  },
  {
    pattern: "/v2/",
    doc: { aliasOf: "/v2" },
    handle: (context, _params, reply) => reply.sendJson(serverMetadata(context)),
  },
  {
    pattern: "/v2/models",
    doc: { summary: "List the models", tag, response: modelNamesSchema },
    handle: ({ service }, _params, reply) => reply.sendJson({ models: service.names }),
  },
  {
    pattern: "/v2/models/stats",
    doc: { summary: "Count what all models did", tag, response: serverStatisticsSchema },
    handle: async ({ service }, _params, reply) => {
      const gpus = gpuStatistics(await gpuStates());
      reply.sendJson({ ...modelStatistics(service.select("", "")), ...(gpus.length > 0 && { gpu_stats: gpus }) });
    },
  },
  ...withVersion(
    "",
    { summary: "Describe a model", response: modelMetadataSchema },
    ({ service }, reply, model, version) => {
      reply.sendJson(service.describe(model, version));
    },
  ),
  ...withVersion(
    "/ready",
    { summary: "Tell whether a model takes requests", response: modelReadySchema, errors: ["ERR_SHUTTING_DOWN"] },
    ({ service }, reply, model, version) => {
      service.find(model, version);
      service.checkServing();
      reply.sendJson({ name: model, ready: true });
    },
  ),
  ...withVersion(
    "/config",
    { summary: "Tell the configuration in effect, as Triton's ModelConfig", response: modelConfigurationSchema },
    ({ service }, reply, model, version) => {
      reply.sendJson(configurationOf(service.find(model, version)));
    },
  ),
  ...withVersion(
    "/stats",
    { summary: "Count what a model did", response: statisticsSchema },
    ({ service }, reply, model, version) => {
      reply.sendJson(modelStatistics(service.select(model, version)));
    },
  ),
];

const inferDoc: InferenceDoc = {
  summary: "Infer by the Open Inference Protocol",
  tag,
  description:
    "JSON here. With the binary tensor extension, the JSON comes first, its length in the header `Inference-Header-Content-Length`, then the data of each input that has `binary_data_size`. A WebSocket to the same path takes the same messages.",
  form: openInferenceForm,
};

const generateDoc: InferenceDoc = {
  summary: "Infer from scalars and lists",
  tag,
  description: "The generate extension: inputs need no shape and no batch dimension.",
  form: generateForm,
};

export const openInferenceRoutes: readonly InferenceRoute[] = [
  {
    pattern: "/v2/models/:model/infer",
    doc: inferDoc,
    format: WireFormat.openInference,
    find: ({ service }, params) => service.find(params(0), ""),
  },
  {
    pattern: "/v2/models/:model/versions/:version/infer",
    doc: { ...inferDoc, summary: "Infer, by version" },
    format: WireFormat.openInference,
    find: ({ service }, params) => service.find(params(0), params(1)),
  },
  {
    pattern: "/v2/models/:model/generate",
    doc: generateDoc,
    format: WireFormat.generate,
    socket: false,
    find: ({ service }, params) => service.find(params(0), ""),
  },
  {
    pattern: "/v2/models/:model/versions/:version/generate",
    doc: generateDoc,
    format: WireFormat.generate,
    socket: false,
    find: ({ service }, params) => service.find(params(0), params(1)),
  },
];
