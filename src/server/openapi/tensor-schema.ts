// SPDX-License-Identifier: Apache-2.0
// Tensors as JSON schema: what an input of a model looks like in nested arrays, and a value that fits.
import type { ModelMetadata, TensorSpec } from "../../runtime/model.js";
import type { JsonSchema } from "./route-doc.js";

/** Examples with more elements than this are nothing to read, and are left out. */
const mostElements = 4096;

/** Nested arrays of the dims `dims`, each -1 of any length, with elements of a datatype or of a schema. */
export function nestedSchema(element: string | JsonSchema, dims: readonly number[]): JsonSchema {
  return dims.reduceRight<JsonSchema>(
    (items, size) => ({ type: "array", items, ...(size >= 0 && { minItems: size, maxItems: size }) }),
    typeof element === "string" ? elementSchema(element) : element,
  );
}

/** All elements in one array. */
export function flatSchema(datatype: string, dims: readonly number[]): JsonSchema {
  const known = dims.every((size) => size >= 0);
  return nestedSchema(datatype, [known ? elementsOf(dims) : -1]);
}

export function elementSchema(datatype: string): JsonSchema {
  if (datatype === "BOOL") return { type: "boolean" };
  if (datatype === "BYTES") return { type: "string" };
  const bits = Number(/^U?INT(\d+)$/.exec(datatype)?.[1]);
  if (!bits)
    return { type: "number", description: `${datatype}; NaN, Infinity and -Infinity are written as bare words` };
  const unsigned = datatype.startsWith("U");
  if (bits === 64) return { type: "integer", format: unsigned ? "uint64" : "int64", ...(unsigned && { minimum: 0 }) };
  const minimum = unsigned ? 0 : -(2 ** (bits - 1));
  return { type: "integer", minimum, maximum: minimum + 2 ** bits - 1 };
}

/** An output's value: a tensor of the dims `dims`, or what a sequence or map becomes. */
export function valueSchema({ datatype, kind }: TensorSpec, dims: readonly number[]): JsonSchema {
  if (kind === "tensor") return nestedSchema(datatype, dims);
  const map: JsonSchema = { type: "object", additionalProperties: elementSchema(datatype) };
  return kind === "map" ? map : { description: `a sequence of ${datatype} values, or of maps to such` };
}

/** The shape that an example has: one row, and a size that the model runs with where it takes any. */
export function exampleShape({ shape }: TensorSpec, { batched, exampleDim }: ModelMetadata): number[] {
  return shape.map((size, index) => (size >= 0 ? size : batched && index === 0 ? 1 : exampleDim));
}

export function elementsOf(dims: readonly number[]): number {
  return dims.reduce((product, size) => product * size, 1);
}

/** Whether an example can be made, and shown. */
export function hasExample(model: ModelMetadata): boolean {
  const inputs = model.inputs.filter(({ optional }) => !optional);
  const elements = inputs.reduce((sum, input) => sum + elementsOf(exampleShape(input, model)), 0);
  return model.exampleDim > 0 && elements <= mostElements;
}

/** The elements of an example, in order. */
export function exampleElements(input: TensorSpec, model: ModelMetadata): unknown[] {
  const value = { BOOL: true, BYTES: "text" }[input.datatype];
  const isFloat = /^(FP|BF)/.test(input.datatype);
  const count = elementsOf(exampleShape(input, model));
  return Array.from({ length: count }, (_, index) => value ?? (isFloat ? ((index % 10) + 1) / 10 : index % 2));
}

/** `elements` in nested arrays of the dims `dims`. */
export function nest(elements: readonly unknown[], dims: readonly number[]): unknown {
  const [size, ...rest] = dims;
  if (size === undefined) return elements[0];
  const stride = elementsOf(rest);
  return Array.from({ length: size }, (_, index) => nest(elements.slice(index * stride, (index + 1) * stride), rest));
}
