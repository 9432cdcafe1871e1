// SPDX-License-Identifier: Apache-2.0
// How /predict and the routes that resemble it write tensors: rows, columns or named features.
import { z } from "zod";
import type { ModelMetadata, TensorSpec } from "../../runtime/model.js";
import type { JsonSchema, TensorForm } from "./route-doc.js";
import {
  elementSchema,
  exampleElements,
  exampleShape,
  hasExample,
  nest,
  nestedSchema,
  valueSchema,
} from "./tensor-schema.js";

const options = {
  id: z.string().optional().describe("Comes back with the answer."),
  outputs: z.array(z.string()).optional().describe("Names of the outputs wanted; all by default."),
  parameters: z
    .record(z.string(), z.union([z.string(), z.number(), z.boolean()]))
    .optional()
    .describe("`timeout`: microseconds that the request may wait for its run; `priority`: its level, 1 first."),
};

const value = z.unknown();
const rows = z
  .array(value)
  .min(1)
  .describe("One item per row: a value of the only input, or an object of all by name.");
const columns = value.describe("The whole tensor of the only input, or an object of all by name.");

const predictRequest = z
  .union([
    z.object({ instances: rows, ...options }).describe("Rows."),
    z.object({ inputs: columns, ...options }).describe("Columns."),
    z.record(z.string(), value).describe("One row: its inputs, or its features, by name."),
  ])
  .meta({ id: "PredictRequest" });

const predictReply = z
  .object({
    id: z.string().optional(),
    predictions: z.array(value).describe("One item per row: the only output's value, or an object of all by name."),
    model: z.string(),
    version: z.string(),
  })
  .meta({ id: "PredictReply" });

export const predictForm: TensorForm = {
  request: predictRequest,
  response: predictReply,
  requestOf(model) {
    const anyOf = [rowsSchema(model), columnsSchema(model), ...featureSchemas(model)];
    return { anyOf };
  },
  responseOf(model) {
    const predictions = { type: "array", items: predictionSchema(model) };
    const properties = {
      id: { type: "string" },
      predictions,
      model: { const: model.name },
      version: { type: "string" },
    };
    return { type: "object", properties, required: ["predictions", "model", "version"] };
  },
  filesOf({ preprocess }) {
    const types = preprocess.flatMap(({ kind }) => (kind === "tabular" ? [] : [`${kind}/*`]));
    return Object.fromEntries(types.map((type) => [type, { type: "string", format: "binary" }]));
  },
  examplesOf(model) {
    if (!hasExample(model)) return {};
    const features = featureExample(model);
    return {
      rows: { instances: [rowExample(model)] },
      columns: { inputs: columnExample(model) },
      ...(features && { features }),
    };
  },
};

/** The inputs that a request must have. */
export function required({ inputs }: ModelMetadata): TensorSpec[] {
  return inputs.filter(({ optional }) => !optional);
}

export function rowsSchema(model: ModelMetadata): JsonSchema {
  const row = inputsSchema(model, (input) => {
    const { datatype, shape } = input;
    return orPrepared(model, input, nestedSchema(datatype, model.batched ? shape.slice(1) : shape), false);
  });
  const features = featureSchemas(model);
  const items = features.length > 0 ? { anyOf: [row, ...features] } : row;
  const instances = { type: "array", minItems: 1, ...(!model.batched && { maxItems: 1 }), items };
  return { title: "rows", type: "object", properties: { instances }, required: ["instances"] };
}

export function columnsSchema(model: ModelMetadata): JsonSchema {
  const inputs = inputsSchema(model, (input) => {
    return orPrepared(model, input, nestedSchema(input.datatype, input.shape), true);
  });
  return { title: "columns", type: "object", properties: { inputs }, required: ["inputs"] };
}

/** By name, or the bare value where only one input must come. */
function inputsSchema(model: ModelMetadata, schemaOf: (input: TensorSpec) => JsonSchema): JsonSchema {
  const properties = Object.fromEntries(model.inputs.map((input) => [input.name, schemaOf(input)]));
  const needed = required(model).filter(({ name }) => preparedOf(model, name)?.kind !== "tabular"); // whose columns may stand for it
  const named = { type: "object", properties, required: needed.map(({ name }) => name) };
  const [only, ...more] = model.inputs.length === 1 ? model.inputs : required(model);
  return only && more.length === 0 ? { anyOf: [schemaOf(only), named] } : named;
}

function preparedOf({ preprocess }: ModelMetadata, name: string) {
  return preprocess.find(({ input }) => input === name);
}

const fileSchema: JsonSchema = {
  title: "file",
  anyOf: [
    { type: "string", contentEncoding: "base64", description: "Base64, or a data URL." },
    { type: "object", properties: { b64: { type: "string", contentEncoding: "base64" } }, required: ["b64"] },
  ],
};

/** The tensor, or what `preprocess` makes it of. */
function orPrepared(model: ModelMetadata, input: TensorSpec, tensor: JsonSchema, whole: boolean): JsonSchema {
  const prepared = preparedOf(model, input.name);
  if (prepared === undefined) return tensor;
  const one = prepared.kind === "tabular" ? columnsObject(prepared.columns) : fileSchema;
  return { anyOf: [tensor, one, ...(whole ? [{ type: "array", items: one }] : [])] };
}

/** Which of them may be left out, and what each holds, is the model's configuration's business. */
function columnsObject(columns: readonly string[]): JsonSchema {
  return { title: "columns", type: "object", properties: Object.fromEntries(columns.map((name) => [name, {}])) };
}

function featureSchemas({ inputs, preprocess }: ModelMetadata): JsonSchema[] {
  const columns = preprocess.flatMap((prepared) => (prepared.kind === "tabular" ? prepared.columns : []));
  if (columns.length > 0) return [{ ...columnsObject(columns), title: "named values" }];
  if (inputs.every(({ features }) => features.length === 0)) return [];
  const members = inputs.flatMap(({ features, datatype }) => features.map((name) => [name, elementSchema(datatype)]));
  const properties = Object.fromEntries(members);
  return [{ title: "features", type: "object", properties, required: Object.keys(properties) }];
}

/** What one prediction is: the value of the only output, or an object of all by name. */
export function predictionSchema({ outputs, batched }: ModelMetadata): JsonSchema {
  const parts = outputs.map((output): [string, JsonSchema] => [
    output.name,
    valueSchema(output, batched ? output.shape.slice(1) : output.shape),
  ]);
  const [only, ...more] = parts;
  if (only && more.length === 0) return only[1];
  return { type: "object", properties: Object.fromEntries(parts) };
}

export function rowExample(model: ModelMetadata): unknown {
  return inputsExample(model, (input) => {
    const shape = exampleShape(input, model);
    return nest(exampleElements(input, model), model.batched ? shape.slice(1) : shape);
  });
}

export function columnExample(model: ModelMetadata): unknown {
  return inputsExample(model, (input) => nest(exampleElements(input, model), exampleShape(input, model)));
}

function inputsExample(model: ModelMetadata, exampleOf: (input: TensorSpec) => unknown): unknown {
  const needed = required(model);
  const [only, ...more] = needed;
  if (only && more.length === 0) return exampleOf(only);
  return Object.fromEntries(needed.map((input) => [input.name, exampleOf(input)]));
}

function featureExample(model: ModelMetadata): Record<string, unknown> | undefined {
  const needed = required(model);
  if (needed.length === 0 || needed.some(({ features }) => features.length === 0)) return undefined;
  return Object.fromEntries(
    needed.flatMap((input) => {
      const elements = exampleElements(input, model);
      return input.features.map((name, index) => [name, elements[index]] as const);
    }),
  );
}
