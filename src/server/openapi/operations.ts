// SPDX-License-Identifier: Apache-2.0
// One operation of the OpenAPI document from one route.
import { z } from "zod";
import { type ErrorCode, errorCodes } from "../../errors.js";
import type { ModelMetadata } from "../../runtime/model.js";
import { httpStatus, retryAfter, type StatusOverrides } from "../http-status.js";
import type { ErrorBody } from "../reply.js";
import { type Components, idOf } from "./components.js";
import {
  type CommandDoc,
  type InferenceDoc,
  type JsonSchema,
  type Media,
  pathParameters,
  type QueryDoc,
  type TensorForm,
} from "./route-doc.js";

/** What any route may answer. */
const everywhere: readonly ErrorCode[] = ["ERR_INVALID_ARGUMENT", "ERR_INTERNAL"];
const withBody: readonly ErrorCode[] = ["ERR_UNSUPPORTED", "ERR_BODY_TOO_LARGE", "ERR_BODY_TIMEOUT"];
const withChange: readonly ErrorCode[] = [...withBody, "ERR_ORIGIN_REFUSED"];
const withRun: readonly ErrorCode[] = [
  ...withBody,
  "ERR_MODEL_NOT_FOUND",
  "ERR_MODEL_CLOSED",
  "ERR_INVALID_JSON",
  "ERR_INVALID_INPUT",
  "ERR_LIMIT_EXCEEDED",
  "ERR_QUEUE_FULL",
  "ERR_OUT_OF_MEMORY",
  "ERR_DEADLINE_EXCEEDED",
  "ERR_RUN_FAILED",
];

const plainError = z.object({ error: z.string() }).meta({ id: "Error" });
const codedError = z.object({ code: z.int(), type: z.string(), message: z.string() }).meta({ id: "TorchServeError" });

interface Described {
  readonly summary: string;
  readonly tag: string;
  readonly description?: string;
  readonly errors?: readonly ErrorCode[];
  readonly query?: Readonly<Record<string, string>>;
}

interface Errors {
  readonly errorBody?: ErrorBody;
  readonly statuses?: StatusOverrides;
}

export class OperationWriter {
  readonly #components: Components;
  readonly #sample: ModelMetadata | undefined;

  /** @param sample the model that examples of routes for any model are about */
  constructor(components: Components, sample: ModelMetadata | undefined) {
    this.#components = components;
    this.#sample = sample;
  }

  query(path: string, doc: QueryDoc, route: Errors): JsonSchema {
    return this.#operation("get", path, doc, route, [], this.#content(doc.response));
  }

  command(path: string, method: string, doc: CommandDoc, route: Errors & { changesNothing?: boolean }): JsonSchema {
    if (doc.form !== undefined) return this.inference(path, method, { ...doc, form: doc.form }, route);
    const errors = route.changesNothing ? withBody : withChange;
    const operation = this.#operation(method, path, doc, route, errors, this.#content(doc.response));
    if (doc.request === "nothing") return operation;
    const content = this.#content(doc.request) as Record<string, JsonSchema>;
    const [first] = Object.values(content);
    if (first && doc.example !== undefined) first.example = doc.example;
    return { ...operation, requestBody: { content } };
  }

  /** @param model the one whose name stands in the path, with its tensors; without it, `path` is for any model */
  inference(
    path: string,
    method: string,
    doc: InferenceDoc & { readonly request?: Media },
    route: Errors,
    model?: ModelMetadata,
  ): JsonSchema {
    const { form } = doc;
    const id = operationId(method, path, model?.name);
    const schemaOf = (what: string, any: z.ZodType, one: (model: ModelMetadata) => JsonSchema) =>
      model
        ? this.#components.add(`${id}.${what}`, { title: `${what} of ${model.name}`, ...one(model) })
        : this.#components.of(any);
    const request = schemaOf("request", form.request, (one) => form.requestOf(one));
    const reply = schemaOf("reply", form.response, (one) => form.responseOf(one));
    const json = { "application/json": { schema: request, ...examplesOf(form, model ?? this.#sample) } };
    const files = Object.entries((model && form.filesOf?.(model)) ?? {}).map(([type, schema]) => [type, { schema }]);
    const content = { ...this.#content(doc.request ?? "nothing"), ...json, ...Object.fromEntries(files) };
    const described = model ? { ...doc, tag: modelTag(model.name) } : doc;
    const answer = { "application/json": { schema: reply } };
    const operation = this.#operation(method, path, described, route, withRun, answer, model?.name);
    return { ...operation, requestBody: { required: true, content } };
  }

  #operation(
    method: string,
    path: string,
    doc: Described,
    route: Errors,
    more: readonly ErrorCode[],
    content: JsonSchema | undefined,
    model?: string,
  ): JsonSchema {
    const errors = new Set([...everywhere, ...more, ...(doc.errors ?? [])]);
    const parameters = [
      ...(model === undefined ? this.#pathParameters(path) : []),
      ...queryParameters(doc.query ?? {}),
    ];
    return {
      operationId: operationId(method, path, model),
      tags: [doc.tag],
      summary: doc.summary,
      ...(doc.description && { description: doc.description }),
      ...(parameters.length > 0 && { parameters }),
      responses: {
        200: { description: "OK", ...(content && { content }) },
        ...this.#errors([...errors], route),
      },
    };
  }

  #errors(codes: readonly ErrorCode[], { errorBody, statuses = {} }: Errors): JsonSchema {
    const schema = errorBody ? codedError : plainError;
    const statusOf = (code: ErrorCode) => statuses[code] ?? httpStatus[code];
    const content = { "application/json": { schema: this.#components.of(schema) } };
    const responses: Record<number, JsonSchema> = {};
    for (const status of new Set(codes.map(statusOf))) {
      const alike = codes.filter((code) => statusOf(code) === status);
      const description = alike.map((code) => `${code}: ${errorCodes[code]}`).join("\n\n");
      const wait = alike.some((code) => retryAfter(code) !== undefined);
      const headers = { "Retry-After": { description: "Seconds to wait.", schema: { type: "string" } } };
      const response = { description, ...(wait && { headers }), content };
      responses[status] = this.#components.response(`Error${status}`, response);
    }
    return responses;
  }

  #content(media: Media): JsonSchema | undefined {
    if (media === "nothing") return undefined;
    if (media instanceof z.ZodType) return { "application/json": { schema: this.#components.of(media) } };
    const entries = Object.entries(media as Record<string, z.ZodType>);
    return Object.fromEntries(entries.map(([type, schema]) => [type, { schema: this.#components.of(schema) }]));
  }

  #pathParameters(path: string): JsonSchema[] {
    return [...path.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => {
      const example = { model: this.#sample?.name, version: this.#sample?.version }[name];
      const described = {
        name,
        in: "path",
        required: true,
        description: pathParameters[name],
        schema: { type: "string" },
      };
      return { ...described, ...(example !== undefined && { example }) };
    });
  }
}

/** Tag of the paths that are about one model. */
export function modelTag(name: string): string {
  return `Model ${name}`;
}

function examplesOf(form: TensorForm, model: ModelMetadata | undefined): JsonSchema {
  const values = Object.entries(model ? form.examplesOf(model) : {});
  if (values.length === 0) return {};
  return { examples: Object.fromEntries(values.map(([name, value]) => [name, { value }])) };
}

/** Such as "post.predict.model", or "post.predict.model-iris" for the path with the name in it. */
function operationId(method: string, path: string, model?: string): string {
  const words = path.split(/[^A-Za-z0-9_]+/).filter((word) => word !== "");
  const named = words.map((word) => (word === "model" && model !== undefined ? `model-${idOf(model)}` : word));
  return [method, ...named].join(".");
}

function queryParameters(query: Readonly<Record<string, string>>): JsonSchema[] {
  return Object.entries(query).map(([name, description]) => ({
    name,
    in: "query",
    description,
    schema: { type: "string" },
  }));
}
