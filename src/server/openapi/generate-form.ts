// SPDX-License-Identifier: Apache-2.0
// How the generate extension writes tensors: scalars or flat lists, without a batch dimension.
import { z } from "zod";
import type { ModelMetadata, TensorSpec } from "../../runtime/model.js";
import { required } from "./predict-form.js";
import type { JsonSchema, TensorForm } from "./route-doc.js";
import { elementSchema, exampleElements, hasExample, valueSchema } from "./tensor-schema.js";

const parameters = z.record(z.string(), z.unknown()).optional().describe("Inputs and parameters, as at the top.");

const generateRequest = z
  .looseObject({ id: z.string().optional(), parameters })
  .describe("Inputs by name, each a scalar or a flat list; what is not an input is a parameter.")
  .meta({ id: "GenerateRequest" });

const generateReply = z
  .looseObject({ model_name: z.string(), model_version: z.string(), id: z.string().optional() })
  .describe("Outputs by name: a scalar where there is one element, else a flat list.")
  .meta({ id: "GenerateReply" });

export const generateForm: TensorForm = {
  request: generateRequest,
  response: generateReply,
  requestOf(model) {
    const properties = Object.fromEntries(model.inputs.map((input) => [input.name, flatOrScalar(input.datatype)]));
    return { type: "object", properties };
  },
  responseOf(model) {
    const outputs = model.outputs.map((output) => [output.name, outputSchema(output)]);
    const names = { model_name: { const: model.name }, model_version: { type: "string" } };
    const properties = { ...names, ...Object.fromEntries(outputs) };
    return { type: "object", properties, required: Object.keys(names) };
  },
  examplesOf(model) {
    const inputs = required(model);
    if (!hasExample(model) || !inputs.every((input) => isDeducible(model, input))) return {};
    return { inputs: Object.fromEntries(inputs.map((input) => [input.name, exampleOf(input, model)])) };
  },
};

function flatOrScalar(datatype: string): JsonSchema {
  const element = elementSchema(datatype);
  return { anyOf: [element, { type: "array", items: element }] };
}

function outputSchema(output: TensorSpec): JsonSchema {
  return output.kind === "tensor" ? flatOrScalar(output.datatype) : valueSchema(output, []);
}

/** At most one dimension is open, the batch not counted. */
function isDeducible({ batched }: ModelMetadata, { shape }: TensorSpec): boolean {
  return (batched ? shape.slice(1) : shape).filter((size) => size < 0).length <= 1;
}

function exampleOf(input: TensorSpec, model: ModelMetadata): unknown {
  const elements = exampleElements(input, model);
  return elements.length === 1 ? elements[0] : elements;
}
