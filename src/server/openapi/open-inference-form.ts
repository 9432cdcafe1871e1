// SPDX-License-Identifier: Apache-2.0
// How the Open Inference Protocol writes tensors in JSON.
import { z } from "zod";
import type { ModelMetadata, TensorSpec } from "../../runtime/model.js";
import { required } from "./predict-form.js";
import type { JsonSchema, TensorForm } from "./route-doc.js";
import { exampleElements, exampleShape, flatSchema, hasExample, nestedSchema } from "./tensor-schema.js";

const parameters = z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).optional();
const shape = z.array(z.int().min(0));

const inferRequest = z
  .object({
    id: z.string().optional(),
    parameters: parameters.describe(
      "`timeout`: microseconds that the request may wait for its run; `priority`: its level, 1 first; `binary_data_output`: blobs for all outputs.",
    ),
    inputs: z.array(
      z.object({
        name: z.string(),
        shape,
        datatype: z.string(),
        parameters: parameters.describe(
          "`binary_data_size`: bytes of this input's blob, which then stands for `data`.",
        ),
        data: z.array(z.unknown()).optional().describe("Elements in row-major order, flat or nested."),
      }),
    ),
    outputs: z
      .array(z.object({ name: z.string(), parameters: parameters.describe("`binary_data`: answer with a blob.") }))
      .optional()
      .describe("Outputs wanted; all by default."),
  })
  .meta({ id: "InferRequest" });

const inferReply = z
  .object({
    id: z.string().optional(),
    model_name: z.string(),
    model_version: z.string(),
    parameters,
    outputs: z.array(
      z.object({ name: z.string(), shape, datatype: z.string(), parameters, data: z.array(z.unknown()).optional() }),
    ),
  })
  .meta({ id: "InferReply" });

export const openInferenceForm: TensorForm = {
  request: inferRequest,
  response: inferReply,
  requestOf(model) {
    const items = { anyOf: model.inputs.map((input) => tensorSchema(input, "data")) };
    const outputs = {
      type: "array",
      items: { type: "object", properties: { name: { enum: namesOf(model.outputs) } } },
    };
    const properties = {
      id: { type: "string" },
      inputs: { type: "array", minItems: required(model).length, maxItems: model.inputs.length, items },
      outputs,
    };
    return { type: "object", properties, required: ["inputs"] };
  },
  responseOf(model) {
    const items = { anyOf: model.outputs.map((output) => tensorSchema(output, "data")) };
    const properties = {
      id: { type: "string" },
      model_name: { const: model.name },
      model_version: { type: "string" },
      outputs: { type: "array", items },
    };
    return { type: "object", properties, required: ["model_name", "model_version", "outputs"] };
  },
  examplesOf(model) {
    const needed = required(model);
    const inJson = [...needed, ...model.outputs].every(fitsJson);
    if (!inJson || !hasExample(model)) return {};
    return { json: { inputs: needed.map((input) => exampleOf(input, model)) } };
  },
};

function tensorSchema({ name, datatype, shape: dims }: TensorSpec, ...needed: string[]): JsonSchema {
  const sizes = dims.map((size) => (size < 0 ? { type: "integer", minimum: 0 } : { const: size }));
  const properties = {
    name: { const: name },
    datatype: { const: datatype },
    shape: { type: "array", prefixItems: sizes, minItems: dims.length, maxItems: dims.length },
    // Flat, or nested in whatever way.
    data: { anyOf: [flatSchema(datatype, dims), nestedSchema(datatype, dims)] },
  };
  return { type: "object", properties, required: ["name", "datatype", "shape", ...needed] };
}

/** The protocol has no JSON for the 16-bit floats, and none for what is not a tensor. */
function fitsJson({ datatype, kind }: TensorSpec): boolean {
  return kind === "tensor" && datatype !== "FP16" && datatype !== "BF16";
}

function exampleOf(input: TensorSpec, model: ModelMetadata) {
  const { name, datatype } = input;
  return { name, datatype, shape: exampleShape(input, model), data: exampleElements(input, model) };
}

function namesOf(tensors: readonly TensorSpec[]): string[] {
  return tensors.map(({ name }) => name);
}
