// SPDX-License-Identifier: Apache-2.0
// What a route says about itself. /openapi.json and /docs are made of nothing else, so every route has to say it.
import type { z } from "zod";
import type { ErrorCode } from "../../errors.js";
import type { ModelMetadata } from "../../runtime/model.js";

/** Groups of routes, in the order in which they are shown. */
export const tags = {
  Predict: "Predictions in ortserve's own form: rows, columns or named features.",
  "Open Inference Protocol": "Inference, metadata and statistics as Triton, KServe and their clients speak them.",
  "Model repository": "What is loaded, and loading and unloading it.",
  "Prediction cache": "Forgetting what was cached.",
  "TensorFlow Serving": "The REST interface of TensorFlow Serving, which KServe's V1 clients use too.",
  TorchServe: "The inference interface of TorchServe.",
  Server: "Health, documentation and the server itself.",
} as const;
export type Tag = keyof typeof tags;

/** JSON of this schema; or a schema by content type; or no body. */
export type Media = z.ZodType | Readonly<Record<string, z.ZodType>> | "nothing";

interface RouteText {
  /** One line, in the imperative, without a full stop. */
  readonly summary: string;
  readonly tag: Tag;
  readonly description?: string;
  /** Where the pattern does not show it: "/v1/models/{model}:predict". A parameter's name must be in `pathParameters`. */
  readonly path?: string;
  /** Beyond those that every route has: a header or a path that cannot be read, a bug. */
  readonly errors?: readonly ErrorCode[];
}

export interface QueryDoc extends RouteText {
  /** Parameters after the "?", none of which is required, with what each means. */
  readonly query?: Readonly<Record<string, string>>;
  readonly response: Media;
}

export interface CommandDoc extends QueryDoc {
  readonly request: Media;
  /** Of a prediction: how its JSON, in `request` and `response` alike, writes tensors. */
  readonly form?: TensorForm;
  /** Of the request; it must be answered with `response` by a server that can do what is asked. */
  readonly example?: unknown;
}

/** A second spelling of a route, or a file that its answer needs: not shown. */
export interface AliasDoc {
  readonly aliasOf: string;
}

export type JsonSchema = Record<string, unknown>;

/** How a protocol writes the tensors of a model in JSON. */
export interface TensorForm {
  /** Of any model. */
  readonly request: z.ZodType;
  readonly response: z.ZodType;
  /** Of one model, with its names, datatypes and shapes. */
  requestOf(model: ModelMetadata): JsonSchema;
  responseOf(model: ModelMetadata): JsonSchema;
  /** Bodies of other types, by type, that the model takes where the route reads them. */
  filesOf?(model: ModelMetadata): Record<string, JsonSchema>;
  /** Requests that the model answers, by what is special about them; none where they would be too large to read. */
  examplesOf(model: ModelMetadata): Record<string, unknown>;
}

export interface InferenceDoc extends RouteText {
  readonly form: TensorForm;
}

/** What each parameter of a path means. */
export const pathParameters: Readonly<Record<string, string>> = {
  model: "Name of a model.",
  version: "Version of the model: a number.",
  label: "Name that the model's configuration gives to a version, such as stable.",
  region: "Name of a shared memory region.",
};
