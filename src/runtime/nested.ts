// SPDX-License-Identifier: Apache-2.0
// Nested JavaScript arrays as tensors: the convenient way in, one element at a time, each checked.
import { OrtserveError } from "../errors.js";
import type { NativeTensor, NativeTensorSpec } from "../native/binding.js";
import { describe } from "./option-check.js";
import { checkShape, specText } from "./shape.js";
import { arrayTypes, type Datatype, datatypes, elementCount, maxRank } from "./tensor.js";

export type NestedValue = number | bigint | boolean | string | readonly NestedValue[];

/** Bounds of the integer datatypes, inclusive. */
const integerBounds: Partial<Record<Datatype, readonly [bigint, bigint]>> = {
  BOOL: [0n, 1n],
  UINT8: [0n, 2n ** 8n - 1n],
  UINT16: [0n, 2n ** 16n - 1n],
  UINT32: [0n, 2n ** 32n - 1n],
  UINT64: [0n, 2n ** 64n - 1n],
  INT8: [-(2n ** 7n), 2n ** 7n - 1n],
  INT16: [-(2n ** 15n), 2n ** 15n - 1n],
  INT32: [-(2n ** 31n), 2n ** 31n - 1n],
  INT64: [-(2n ** 63n), 2n ** 63n - 1n],
};

/**
 * Converts `value`, whose nesting is the shape unless `shape` is given (then it is flat). Throws ERR_INVALID_INPUT for ragged
 * nesting and for elements that the datatype cannot hold exactly; only FP32 rounds.
 */
export function nestedTensor(spec: NativeTensorSpec, value: NestedValue, shape?: readonly number[]): NativeTensor {
  const datatype = spec.datatype as Datatype;
  if (datatype === "FP16" || datatype === "BF16") {
    throw invalid(
      `expected ${specText(spec)} for input '${spec.name}' as raw bits in a Uint16Array, got ${describe(value)}`,
    );
  }
  const dims = [...(shape ?? nestedShape(value))];
  if (shape === undefined) checkShape(spec, datatype, dims);
  const strings: string[] = [];
  const type = arrayTypes[datatype];
  const data = type ? new type(elementCount(dims)) : strings;
  const place = elementWriter(spec, datatype, data as unknown as unknown[]);
  walk(spec, value, shape === undefined ? dims : [elementCount(dims)], 0, place);
  return { dtype: datatypes.indexOf(datatype), dims, data };
}

function nestedShape(value: NestedValue): number[] {
  const dims: number[] = [];
  // One dim more than a tensor may have is enough to be refused; an array that holds itself has no end.
  for (let level = value; Array.isArray(level) && dims.length <= maxRank; level = level[0]) dims.push(level.length);
  return dims;
}

function walk(
  spec: NativeTensorSpec,
  value: NestedValue,
  dims: readonly number[],
  depth: number,
  place: (element: unknown) => void,
): void {
  const length = dims[depth];
  if (length === undefined) {
    if (Array.isArray(value)) throw ragged(spec, `an element at depth ${depth}`, value);
    place(value);
    return;
  }
  if (!Array.isArray(value) || value.length !== length)
    throw ragged(spec, `an array of ${length} at depth ${depth}`, value);
  for (const item of value) walk(spec, item, dims, depth + 1, place);
}

function elementWriter(spec: NativeTensorSpec, datatype: Datatype, data: unknown[]): (element: unknown) => void {
  let next = 0;
  const wrong = (element: unknown, expected: string) =>
    invalid(`expected ${expected} for element ${next} of input '${spec.name}' (${datatype}), got ${describe(element)}`);
  if (datatype === "BYTES") {
    return (element) => {
      if (typeof element !== "string") throw wrong(element, "a string");
      // Half of a surrogate pair has no UTF-8 form, and would become another character.
      if (!element.isWellFormed()) throw wrong(element, "a string of whole characters");
      data[next++] = element;
    };
  }
  const bounds = integerBounds[datatype];
  if (bounds === undefined) {
    return (element) => {
      if (typeof element !== "number") throw wrong(element, "a number");
      data[next++] = element;
    };
  }
  const wide = datatype === "INT64" || datatype === "UINT64";
  const expected = datatype === "BOOL" ? "a boolean" : `an integer from ${bounds[0]} to ${bounds[1]}`;
  return (element) => {
    const integer = exactInteger(element, datatype === "BOOL");
    if (integer === undefined || integer < bounds[0] || integer > bounds[1]) throw wrong(element, expected);
    data[next++] = wide ? BigInt(integer) : Number(integer);
  };
}

/** The element as an exact integer; undefined when it is not one. Booleans count only where `asBoolean`. */
function exactInteger(element: unknown, asBoolean: boolean): number | bigint | undefined {
  if (typeof element === "boolean") return asBoolean ? Number(element) : undefined;
  if (typeof element === "bigint") return element;
  return typeof element === "number" && Number.isSafeInteger(element) ? element : undefined;
}

function ragged(spec: NativeTensorSpec, expected: string, got: unknown): OrtserveError {
  return invalid(`ragged value for input '${spec.name}': expected ${expected}, got ${describe(got)}`);
}

function invalid(message: string): OrtserveError {
  return new OrtserveError("ERR_INVALID_INPUT", message);
}
