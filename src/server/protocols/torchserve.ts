// SPDX-License-Identifier: Apache-2.0
// TorchServe's inference interface: predictions whose body may be of several types, health and descriptions.
import { z } from "zod";
import { OrtserveError } from "../../errors.js";
import { WireFormat } from "../../native/binding.js";
import type { Servable } from "../../serving/model-store.js";
import { BufferedInference } from "../buffered-inference.js";
import type { ServerContext } from "../context.js";
import { MediaInference, mayHoldMedia } from "../media-inference.js";
import { predictForm } from "../openapi/predict-form.js";
import type { CommandDoc } from "../openapi/route-doc.js";
import type { Reply } from "../reply.js";
import type { RequestHead } from "../request-head.js";
import type { CommandRoute, QueryRoute } from "../routes.js";
import { readModelBody } from "./torchserve-body.js";
import { notFound, torchServeError } from "./torchserve-errors.js";
import { describeServable, modelDescriptionsSchema, modelListSchema, pageOf } from "./torchserve-models.js";

const tag = "TorchServe";
const errorBody = torchServeError;
const missing = ["ERR_MODEL_NOT_FOUND", "ERR_MODEL_CLOSED"] as const;

export const torchServeQueries: readonly QueryRoute[] = [
  {
    pattern: "/ping",
    doc: {
      summary: "Tell whether the server takes requests",
      tag,
      description: "Status 500 and `Unhealthy` until the models are loaded, and from the moment shutdown begins.",
      response: z.object({ status: z.enum(["Healthy", "Unhealthy"]) }).meta({ id: "TorchServePing" }),
    },
    errorBody,
    handle: ({ service }, _params, reply) => {
      reply.sendJson({ status: service.ready ? "Healthy" : "Unhealthy" }, service.ready ? 200 : 500);
    },
  },
  {
    pattern: "/models",
    doc: {
      summary: "List the models, page by page",
      tag,
      query: { limit: "Most models of one page; default 100.", next_page_token: "`nextPageToken` of the page before." },
      response: modelListSchema,
    },
    errorBody,
    handle: ({ service }, _params, reply, request) => {
      reply.sendJson(pageOf(service.names, new URLSearchParams(request.getQuery() ?? "")));
    },
  },
  {
    pattern: "/models/:model",
    doc: { summary: "Describe a model's default version", tag, response: modelDescriptionsSchema, errors: missing },
    errorBody,
    handle: (context, params, reply) => reply.sendJson([describeServable(find(context, params(0), ""))]),
  },
  {
    pattern: "/models/:model/:version",
    doc: {
      summary: "Describe a version of a model, or `all`",
      tag,
      response: modelDescriptionsSchema,
      errors: missing,
    },
    errorBody,
    handle: (context, params, reply) => {
      const all = params(1) === "all";
      find(context, params(0), "");
      const servables = all ? context.service.select(params(0), "") : [find(context, params(0), params(1))];
      reply.sendJson(servables.map(describeServable));
    },
  },
];

const form = z
  .record(z.string(), z.unknown())
  .describe("A field `data` with the body in it, whose own type counts; or inputs, or features, by name.");

const predictionDoc: CommandDoc = {
  summary: "Predict as TorchServe does",
  tag,
  description:
    "JSON is read as by /predict; a list is taken for its rows. `application/octet-stream` is the data of the only input of one row, little-endian. The answer is that of /predict.",
  request: {
    "application/json": predictForm.request,
    "application/octet-stream": z.string(),
    "multipart/form-data": form,
    "application/x-www-form-urlencoded": form,
  },
  form: predictForm,
  response: predictForm.response,
  errors: ["ERR_UNSUPPORTED_MEDIA_TYPE"],
};

const handlePrediction: CommandRoute["handle"] = (context, { params, body, contentType, head }, reply) => {
  const [name = "", version = ""] = params;
  const target = find(context, name, version);
  if (!mayHoldMedia(target, WireFormat.predict)) {
    predictBody(context, target, body, contentType, head, reply);
    return;
  }
  const call = { head, contentType, format: WireFormat.predict, find: () => find(context, name, version) };
  new MediaInference(context, reply, call, body, () =>
    predictBody(context, call.find(), body, contentType, head, reply),
  );
};

const predictBody = (
  context: ServerContext,
  target: Servable,
  body: Buffer,
  contentType: string,
  head: RequestHead,
  reply: Reply,
): void => {
  reply.nameRequest(); // as TorchServe names every one
  const { bytes, jsonSize } = readModelBody(contentType, body, target.model.metadata);
  new BufferedInference(context, reply, head, target, WireFormat.predict, bytes, jsonSize);
};

// "curl -T FILE" puts.
export const torchServeCommands: readonly CommandRoute[] = (["POST", "PUT"] as const).flatMap((method) => {
  const common = { method, changesNothing: true, errorBody, handle: handlePrediction };
  return [
    { ...common, pattern: "/predictions/:model", doc: predictionDoc },
    {
      ...common,
      pattern: "/predictions/:model/:version",
      doc: { ...predictionDoc, summary: "Predict, by version" },
    },
  ];
});

function find({ service }: ServerContext, name: string, version: string): Servable {
  try {
    return service.find(name, version);
  } catch (error) {
    if (!(error instanceof OrtserveError) || error.code !== "ERR_MODEL_NOT_FOUND") throw error;
    throw notFound(name, service.names.includes(name) ? version : "");
  }
}
