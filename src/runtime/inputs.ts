// SPDX-License-Identifier: Apache-2.0
// From what a caller passes to predict() to one native tensor per model input.
import { OrtserveError } from "../errors.js";
import type { NativeTensor, NativeTensorSpec } from "../native/binding.js";
import type { ModelMetadata } from "./model.js";
import { didYouMean } from "./nearest-name.js";
import { type NestedValue, nestedTensor } from "./nested.js";
import { describe } from "./option-check.js";
import { checkShape, inferShape, specText } from "./shape.js";
import { arrayTypes, type Datatype, datatypes, elementCount, shapeText, Tensor, type TypedArray } from "./tensor.js";

/** A flat array with its shape, when a bare typed array would leave the shape open. */
export interface ShapedData {
  data: TypedArray | readonly (string | number | bigint | boolean)[];
  shape: readonly number[];
  datatype?: Datatype;
}

/**
 * What an input accepts. Typed arrays must be those of the model's datatype (see {@link arrayTypes}): nothing is converted. Plain
 * arrays, nested as the shape is, take numbers, bigints for 64-bit integers, booleans for BOOL and strings for BYTES.
 */
export type InputValue = Tensor | TypedArray | Uint8ClampedArray | ShapedData | NestedValue;

/** By input name; or the bare value when the model has exactly one input. */
export type PredictInputs = { readonly [name: string]: InputValue | undefined } | InputValue;

/** One tensor per model input, in model order; undefined for an absent optional one. Throws ERR_INVALID_INPUT. */
export function prepareInputs(metadata: ModelMetadata, inputs: PredictInputs): (NativeTensor | undefined)[] {
  const specs = metadata.inputs;
  const named = isNamed(specs, inputs) ? inputs : bareInput(specs, inputs);
  for (const name of Object.keys(named)) {
    if (!specs.some((spec) => spec.name === name)) throw unknownInput(specs, name);
  }
  return specs.map((spec) => {
    const value = Object.hasOwn(named, spec.name) ? named[spec.name] : undefined;
    if (value !== undefined) return inputTensor(spec, value);
    if (spec.optional) return undefined;
    throw invalid(`missing input '${spec.name}', expected ${specText(spec)}`);
  });
}

type NamedInputs = { readonly [name: string]: InputValue | undefined };

function isNamed(specs: readonly NativeTensorSpec[], inputs: PredictInputs): inputs is NamedInputs {
  const isObject =
    typeof inputs === "object" &&
    inputs !== null &&
    !Array.isArray(inputs) &&
    !ArrayBuffer.isView(inputs) &&
    !(inputs instanceof Tensor);
  return isObject && (!isShaped(inputs as InputValue) || specs.some((spec) => Object.hasOwn(inputs, spec.name)));
}

function bareInput(specs: readonly NativeTensorSpec[], value: InputValue): NamedInputs {
  const only = specs.length === 1 ? specs[0] : undefined;
  if (only && value !== undefined && value !== null) return { [only.name]: value };
  const names = specs.map((spec) => spec.name).join(", ");
  throw invalid(`expected an object with the inputs ${names}, got ${describe(value)}`);
}

function inputTensor(spec: NativeTensorSpec, value: InputValue): NativeTensor {
  if (ArrayBuffer.isView(value)) return flatTensor(spec, value as TypedArray, undefined);
  if (value instanceof Tensor) return flatTensor(spec, value.data, value.shape, value.datatype);
  if (isShaped(value)) return flatTensor(spec, value.data, value.shape, value.datatype);
  if (Array.isArray(value) || typeof value !== "object") return nestedTensor(spec, value);
  throw invalid(`expected ${specText(spec)} for input '${spec.name}', got ${describe(value)}`);
}

function isShaped(value: InputValue): value is ShapedData {
  return typeof value === "object" && value !== null && "data" in value && "shape" in value;
}

function flatTensor(
  spec: NativeTensorSpec,
  data: ShapedData["data"],
  shape: readonly number[] | undefined,
  datatype = spec.datatype as Datatype,
): NativeTensor {
  if (!ArrayBuffer.isView(data) && !Array.isArray(data)) {
    const wanted = `expected ${specText(spec)} for input '${spec.name}'`;
    throw invalid(`${wanted} with a typed array or an array as its data, got ${describe(data)}`);
  }
  if (!ArrayBuffer.isView(data))
    return nestedTensor(spec, data, checkedShape(spec, datatype, shape ?? [data.length], data));
  if (!isArrayOf(spec.datatype as Datatype, data) || datatype !== spec.datatype) {
    const got = `${datatype === spec.datatype ? describeView(data) : datatype} ${shapeText(shape ?? [data.length])}`;
    throw invalid(`expected ${specText(spec)} for input '${spec.name}', got ${got}`);
  }
  const dims = shape === undefined ? inferShape(spec, data.length) : checkedShape(spec, datatype, shape, data);
  return { dtype: datatypes.indexOf(datatype), dims: [...dims], data };
}

function checkedShape(
  spec: NativeTensorSpec,
  datatype: Datatype,
  shape: readonly number[],
  data: ArrayLike<unknown>,
): readonly number[] {
  const expected = elementCount(shape);
  checkShape(spec, datatype, shape);
  if (expected === data.length) return shape;
  throw invalid(
    `expected ${expected} elements for shape ${shapeText(shape)} of input '${spec.name}', got ${data.length}`,
  );
}

function isArrayOf(datatype: Datatype, data: ArrayBufferView): data is TypedArray {
  const type = arrayTypes[datatype];
  if (type === undefined) return false;
  return (
    data instanceof (type as unknown as typeof Uint8Array) ||
    (datatype === "UINT8" && data instanceof Uint8ClampedArray)
  );
}

/** "FP64 (Float64Array)": the datatype a typed array stands for, when it stands for one alone. */
function describeView(data: ArrayBufferView): string {
  const matches = datatypes.filter((datatype) => isArrayOf(datatype, data));
  return matches.length === 1 ? `${matches[0]} (${data.constructor.name})` : data.constructor.name;
}

function unknownInput(specs: readonly NativeTensorSpec[], name: string): OrtserveError {
  const names = specs.map((spec) => spec.name);
  const known = specs.map((spec) => `'${spec.name}' ${specText(spec)}`).join(", ");
  return invalid(`unknown input '${name}'${didYouMean(name, names)}; the model takes ${known}`);
}

function invalid(message: string): OrtserveError {
  return new OrtserveError("ERR_INVALID_INPUT", message);
}
