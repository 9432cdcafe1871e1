// SPDX-License-Identifier: Apache-2.0
// How TensorFlow Serving writes tensors in JSON.
import { z } from "zod";
import type { ModelMetadata, TensorSpec } from "../../runtime/model.js";
import { columnExample, columnsSchema, rowExample, rowsSchema } from "./predict-form.js";
import type { JsonSchema, TensorForm } from "./route-doc.js";
import { hasExample, nestedSchema, valueSchema } from "./tensor-schema.js";

const signature = { signature_name: z.enum(["serving_default", ""]).optional() };

const request = z
  .union([
    z.object({ ...signature, instances: z.array(z.unknown()).min(1).describe("Rows; all of one shape.") }),
    z.object({ ...signature, inputs: z.unknown().describe("The tensor of the only input, or all by name.") }),
  ])
  .meta({ id: "TfServingRequest" });

const reply = z
  .union([
    z.object({ predictions: z.array(z.unknown()).describe("To `instances`: one item per row.") }),
    z.object({ outputs: z.unknown().describe("To `inputs`: the tensor of the only output, or all by name.") }),
  ])
  .meta({ id: "TfServingReply" });

export const tfServingForm: TensorForm = {
  request,
  response: reply,
  requestOf: (model) => ({ anyOf: [...(rowsAreKnown(model) ? [rowsSchema(model)] : []), columnsSchema(model)] }),
  responseOf(model) {
    const columns = objectOf("outputs", partsOf(model, false));
    if (!rowsAreKnown(model)) return { anyOf: [objectOf("predictions", { type: "array" }), columns] };
    return { anyOf: [objectOf("predictions", { type: "array", items: partsOf(model, true) }), columns] };
  },
  examplesOf(model) {
    if (!hasExample(model)) return {};
    const rows = rowsAreKnown(model) && { rows: { instances: [rowExample(model)] } };
    return { ...rows, columns: { inputs: columnExample(model) } };
  },
};

/** Whether the first dim counts rows, in inputs and outputs alike. Otherwise it depends on the request. */
function rowsAreKnown({ batched }: ModelMetadata): boolean {
  return batched;
}

function objectOf(name: string, schema: JsonSchema): JsonSchema {
  return { type: "object", properties: { [name]: schema }, required: [name] };
}

/** The value of the only output, or an object of all by name. */
function partsOf({ outputs }: ModelMetadata, byRow: boolean): JsonSchema {
  const parts = outputs.map((output): [string, JsonSchema] => [output.name, partOf(output, byRow)]);
  const [only, ...more] = parts;
  return only && more.length === 0 ? only[1] : { type: "object", properties: Object.fromEntries(parts) };
}

function partOf(output: TensorSpec, byRow: boolean): JsonSchema {
  const dims = byRow ? output.shape.slice(1) : output.shape;
  const inBase64 = output.kind === "tensor" && output.datatype === "BYTES" && output.name.endsWith("_bytes");
  return inBase64 ? nestedSchema(objectOf("b64", { type: "string" }), dims) : valueSchema(output, dims);
}
