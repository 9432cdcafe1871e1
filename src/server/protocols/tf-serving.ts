// SPDX-License-Identifier: Apache-2.0
// TensorFlow Serving's REST interface, and what KServe's V1 clients ask at the same paths.
import { OrtserveError } from "../../errors.js";
import { WireFormat } from "../../native/binding.js";
import type { Servable } from "../../serving/model-store.js";
import type { ServerContext } from "../context.js";
import type { InferenceDoc } from "../openapi/route-doc.js";
import { tfServingForm } from "../openapi/tf-serving-form.js";
import type { InferenceRoute, QueryRoute } from "../routes.js";
import { modelNamesSchema } from "./open-inference-schemas.js";
import { metadataSchema, signatureOf, statusSchema, versionStatuses } from "./tf-serving-metadata.js";

const tag = "TensorFlow Serving";
const missing = ["ERR_MODEL_NOT_FOUND", "ERR_MODEL_CLOSED"] as const;
const verb = /:(predict|classify|regress)$/i;

export const tfServingQueries: readonly QueryRoute[] = [
  {
    pattern: "/v1/models",
    doc: { summary: "List the models", tag, response: modelNamesSchema },
    handle: ({ service }, _params, reply) => reply.sendJson({ models: service.names }),
  },
  {
    pattern: "/v1/models/:model",
    doc: {
      summary: "Tell the state of a model's versions",
      tag,
      description: "KServe's V1 clients read `name` and `ready`.",
      response: statusSchema,
      errors: [...missing, "ERR_SHUTTING_DOWN"],
    },
    handle: (context, params, reply) => sendStatus(context, params(0), "", reply),
  },
  {
    pattern: "/v1/models/:model/versions/:version",
    doc: {
      summary: "Tell the state of a version",
      tag,
      response: statusSchema,
      errors: [...missing, "ERR_SHUTTING_DOWN"],
    },
    handle: (context, params, reply) => sendStatus(context, params(0), params(1), reply),
  },
  {
    pattern: "/v1/models/:model/metadata",
    doc: { summary: "Describe a model", tag, response: metadataSchema, errors: missing },
    handle: (context, params, reply) => reply.sendJson(signatureOf(find(context, params(0), ""))),
  },
  {
    pattern: "/v1/models/:model/versions/:version/metadata",
    doc: { summary: "Describe a version", tag, response: metadataSchema, errors: missing },
    handle: (context, params, reply) => reply.sendJson(signatureOf(find(context, params(0), params(1)))),
  },
];

const doc: InferenceDoc = {
  summary: "Predict as TensorFlow Serving does",
  tag,
  description:
    'The reply has the form of the request. Bytes that are not text are written `{"b64": "..."}`, in replies where the output\'s name ends with `_bytes`.',
  form: tfServingForm,
};

// uWebSockets.js patterns match whole segments, so the verb after the colon belongs to the parameter.
export const tfServingRoutes: readonly InferenceRoute[] = [
  {
    pattern: "/v1/models/:model",
    doc: { ...doc, path: "/v1/models/{model}:predict" },
    format: WireFormat.tfServing,
    socket: false,
    find: (context, params) => predictTarget(params(0), "/v1/models/", (name) => find(context, name, "")),
  },
  {
    pattern: "/v1/models/:model/versions/:version",
    doc: { ...doc, path: "/v1/models/{model}/versions/{version}:predict", summary: "Predict, by version" },
    format: WireFormat.tfServing,
    socket: false,
    find: (context, params) =>
      predictTarget(params(1), `/v1/models/${params(0)}/versions/`, (version) => find(context, params(0), version)),
  },
  {
    pattern: "/v1/models/:model/labels/:label",
    doc: { ...doc, path: "/v1/models/{model}/labels/{label}:predict", summary: "Predict, by label" },
    format: WireFormat.tfServing,
    socket: false,
    find: (context, params) =>
      predictTarget(params(1), `/v1/models/${params(0)}/labels/`, (label) => findLabel(context, params(0), label)),
  },
];

/** What `NAME:predict` means, NAME being all before the last colon. */
function predictTarget(segment: string, path: string, find: (name: string) => Servable): Servable {
  const asked = verb.exec(segment);
  if (asked === null || asked.index === 0) {
    const hint = "expected :predict at the end";
    throw new OrtserveError("ERR_INVALID_ARGUMENT", `Malformed request: POST ${path}${segment}: ${hint}`);
  }
  const servable = find(segment.slice(0, asked.index));
  if (asked[1]?.toLowerCase() === "predict") return servable;
  throw new OrtserveError(
    "ERR_UNSUPPORTED",
    `an ONNX model has a signature for predict only, not for ${asked[1]}: please use ${path}${segment.slice(0, asked.index)}:predict`,
  );
}

function find({ service }: ServerContext, name: string, version: string): Servable {
  const request = version === "" ? `Latest(${name})` : `Specific(${name}, ${version})`;
  return orNotFound(`Servable not found for request: ${request}`, () => {
    if (version !== "" && !/^[0-9]+$/.test(version)) throw new OrtserveError("ERR_MODEL_NOT_FOUND", "");
    return service.find(name, version);
  });
}

function findLabel({ service }: ServerContext, name: string, label: string): Servable {
  const labels = orNotFound(`Servable not found for request: Latest(${name})`, () => service.labels(name));
  if (labels.includes(label)) return service.find(name, label);
  throw new OrtserveError(
    "ERR_MODEL_NOT_FOUND",
    `Unrecognized servable version label: '${label}' of model '${name}'; it has ${labels.join(", ") || "none"}`,
  );
}

/** TensorFlow Serving's words for a model that is not there. */
function orNotFound<T>(message: string, look: () => T): T {
  try {
    return look();
  } catch (error) {
    if (!(error instanceof OrtserveError) || error.code !== "ERR_MODEL_NOT_FOUND") throw error;
    throw new OrtserveError("ERR_MODEL_NOT_FOUND", message);
  }
}

function sendStatus(
  context: ServerContext,
  name: string,
  version: string,
  reply: Parameters<QueryRoute["handle"]>[2],
): void {
  const { service } = context;
  const statuses = versionStatuses(service, name, version);
  if (statuses.length === 0) {
    const last = version || name;
    if (verb.test(last)) {
      const path = version === "" ? name : `${name}/versions/${version}`;
      reply.sendError("ERR_INVALID_ARGUMENT", `Malformed request: GET /v1/models/${path}: expected POST`);
      return;
    }
    const which = version === "" ? `any versions of model ${name}` : `version ${version} of model ${name}`;
    reply.sendError("ERR_MODEL_NOT_FOUND", `Could not find ${which}`);
    return;
  }
  const ready = statuses.some(({ state }) => state === "AVAILABLE");
  service.checkServing();
  reply.sendJson({ model_version_status: statuses, name, ready });
}
