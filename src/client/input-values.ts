// SPDX-License-Identifier: Apache-2.0
// From what a caller passes to tensors with datatype and shape. What the value leaves open comes from the model's metadata.
import { type Datatype, datatypesOf, elementCount, isDatatype, isShape, type TypedArray } from "./datatypes.js";
import { invalidArgument } from "./inference-error.js";
import { checkedArray, type Element, packElements } from "./input-elements.js";
import { isObject, type ModelMetadata, type TensorMetadata } from "./metadata.js";

export type NestedArray = readonly (Element | TypedArray | NestedArray)[];

/** Values of an input: typed array, array nested as the shape is, or a single value. */
export type InputData = TypedArray | Uint8ClampedArray | NestedArray | Exclude<Element, Uint8Array>;

/**
 * One input. The datatype may be left out where the array's type, or the model's metadata, tells it. The shape may be left
 * out of nested arrays; of flat ones and typed arrays where the model's shape leaves one possibility.
 */
export type InputValue =
  | InputData
  | {
      readonly data: InputData;
      readonly shape?: readonly number[] | undefined;
      readonly datatype?: Datatype | undefined;
    };

/** Inputs by name. */
export type Inputs = Readonly<Record<string, InputValue>>;

/** A tensor that is ready to be sent. */
export interface WireTensor {
  readonly name: string;
  readonly datatype: Datatype;
  readonly shape: readonly number[];
  readonly data: TypedArray | readonly (string | Uint8Array)[];
}

interface Given {
  readonly name: string;
  readonly data: unknown;
  readonly shape: readonly number[] | undefined;
  readonly datatype: Datatype | undefined;
}

/**
 * Tensors of `inputs`, in their order. `describe` gives the model's metadata and is called only when a value needs it.
 * The arrays are not copied. @throws InferenceError invalid-argument
 */
export async function resolveInputs(inputs: Inputs, describe: () => Promise<ModelMetadata>): Promise<WireTensor[]> {
  if (!isObject(inputs) || ArrayBuffer.isView(inputs))
    throw invalidArgument('expected an object of inputs by name, such as { "x": Float32Array.of(1, 2) }');
  const given = Object.entries(inputs).map(([name, value]) => unpack(name, value));
  const metadata = given.some(needsMetadata) ? await describe() : undefined;
  return given.map((input) => resolve(input, metadata));
}

function unpack(name: string, value: unknown): Given {
  const wrapped = isObject(value) && !ArrayBuffer.isView(value);
  if (wrapped && !("data" in value)) throw invalidArgument(`expected 'data' in the object for input '${name}'`);
  const { data, shape, datatype } = wrapped ? value : { data: value, shape: undefined, datatype: undefined };
  if (datatype !== undefined && !isDatatype(datatype))
    throw invalidArgument(`expected a datatype such as FP32 for input '${name}', got ${String(datatype)}`);
  if (shape !== undefined && !isShape(shape))
    throw invalidArgument(`expected the shape of input '${name}' as an array of lengths, got ${String(shape)}`);
  const hasElements = Array.isArray(data) || ArrayBuffer.isView(data) || isScalar(data);
  if (!hasElements || data instanceof DataView)
    throw invalidArgument(
      `expected a typed array, an array or a single value for input '${name}', got ${typeName(data)}`,
    );
  return { name, data, shape, datatype };
}

function isScalar(value: unknown): boolean {
  return ["number", "bigint", "boolean", "string"].includes(typeof value);
}

function typeName(value: unknown): string {
  return typeof value === "object" && value !== null ? (value.constructor?.name ?? "an object") : String(value);
}

function needsMetadata(input: Given): boolean {
  return ownDatatype(input) === undefined || (input.shape === undefined && isFlat(input.data));
}

/** Of one dimension, or none: such data takes the shape that the model asks for. */
function isFlat(data: unknown): boolean {
  return !Array.isArray(data) || !data.some((item) => isRow(item));
}

function isRow(item: unknown): boolean {
  return Array.isArray(item) || (ArrayBuffer.isView(item) && !(item instanceof Uint8Array));
}

/** The datatype where the value alone tells it. */
function ownDatatype({ data, datatype }: Given): Datatype | undefined {
  if (datatype !== undefined) return datatype;
  if (ArrayBuffer.isView(data)) {
    const possible = datatypesOf(data);
    return possible.length === 1 ? possible[0] : undefined;
  }
  let first: unknown = data;
  while (Array.isArray(first)) first = first[0];
  return typeof first === "string" ? "BYTES" : undefined;
}

function resolve(input: Given, metadata: ModelMetadata | undefined): WireTensor {
  const { name, data } = input;
  const spec = metadata?.inputs.find((candidate) => candidate.name === name);
  if (metadata !== undefined && spec === undefined) {
    const names = metadata.inputs.map((candidate) => candidate.name).join(", ");
    throw invalidArgument(`model '${metadata.name}' has no input '${name}': its inputs are ${names}`);
  }
  const datatype = ownDatatype(input) ?? spec?.datatype;
  if (spec !== undefined && datatype !== spec.datatype)
    throw invalidArgument(`expected ${spec.datatype} for input '${name}', got ${datatype}`);
  if (!isDatatype(datatype))
    throw invalidArgument(`expected a datatype this client knows for input '${name}', got ${datatype}`);
  if (ArrayBuffer.isView(data)) {
    const array = checkedArray(name, datatype, data);
    return { name, datatype, shape: shapeOf(input, spec, array.length, undefined), data: array };
  }
  const isList = (value: unknown): value is ArrayLike<unknown> =>
    Array.isArray(value) || (ArrayBuffer.isView(value) && !(datatype === "BYTES" && value instanceof Uint8Array));
  const nested: number[] = [];
  for (let first: unknown = data; isList(first); first = first[0]) nested.push(first.length);
  const elements = flatten(name, data, nested, isList);
  const shape = shapeOf(input, spec, elements.length, nested.length > 1 ? nested : undefined);
  return { name, datatype, shape, data: packElements(name, datatype, elements) };
}

/** The elements in row-major order. @throws InferenceError invalid-argument when the nesting is not `shape` everywhere */
function flatten(
  name: string,
  data: unknown,
  shape: readonly number[],
  isList: (value: unknown) => value is ArrayLike<unknown>,
): unknown[] {
  const elements: unknown[] = [];
  const visit = (value: unknown, depth: number) => {
    const length = isList(value) ? value.length : undefined;
    if (length !== shape[depth])
      throw invalidArgument(
        `expected ${expectedAt(shape[depth])} at depth ${depth} of input '${name}', got ${expectedAt(length)}`,
      );
    if (isList(value)) for (let i = 0; i < value.length; i++) visit(value[i], depth + 1);
    else elements.push(value);
  };
  visit(data, 0);
  return elements;
}

function expectedAt(length: number | undefined): string {
  return length === undefined ? "a single value" : `an array of ${length}`;
}

function shapeOf(
  { name, shape }: Given,
  spec: TensorMetadata | undefined,
  count: number,
  nested: readonly number[] | undefined,
): readonly number[] {
  const chosen = shape ?? nested;
  if (chosen === undefined) return fitted(name, spec?.shape ?? [count], count);
  if (elementCount(chosen) === count) return chosen;
  throw invalidArgument(
    `expected ${elementCount(chosen)} elements for input '${name}' of shape [${chosen}], got ${count}`,
  );
}

/** The model's shape with its one open dimension filled in. */
function fitted(name: string, shape: readonly number[], count: number): number[] {
  const open = shape.filter((dim) => dim < 0).length;
  const fixed = elementCount(shape.filter((dim) => dim >= 0));
  if (open === 0 && fixed === count) return [...shape];
  if (open === 1 && fixed > 0 && count % fixed === 0) return shape.map((dim) => (dim < 0 ? count / fixed : dim));
  const problem = open > 1 ? "more than one shape fits" : "no shape fits";
  throw invalidArgument(`${problem} ${count} elements for input '${name}' of shape [${shape}]: pass { data, shape }`);
}
