// SPDX-License-Identifier: Apache-2.0
// From the values of plain arrays to the elements of a tensor. Nothing is rounded, wrapped or parsed on the way.
import { arrayTypes, type Datatype, datatypesOf, type FixedDatatype, type TypedArray } from "./datatypes.js";
import { invalidArgument } from "./inference-error.js";

export type Element = number | bigint | boolean | string | Uint8Array;

/** The smallest and largest value of each integer type. */
const ranges: Readonly<Partial<Record<FixedDatatype, readonly [bigint, bigint]>>> = {
  UINT8: [0n, 2n ** 8n - 1n],
  UINT16: [0n, 2n ** 16n - 1n],
  UINT32: [0n, 2n ** 32n - 1n],
  UINT64: [0n, 2n ** 64n - 1n],
  INT8: [-(2n ** 7n), 2n ** 7n - 1n],
  INT16: [-(2n ** 15n), 2n ** 15n - 1n],
  INT32: [-(2n ** 31n), 2n ** 31n - 1n],
  INT64: [-(2n ** 63n), 2n ** 63n - 1n],
};

/** Half of a surrogate pair: it has no UTF-8 form, and would become another character. */
const halfPair = /\p{Surrogate}/u;

/** @throws InferenceError invalid-argument for an element that is not a value of the datatype */
export function packElements(
  name: string,
  datatype: Datatype,
  elements: readonly unknown[],
): TypedArray | readonly (string | Uint8Array)[] {
  const refuse = (value: unknown, at: number, expected: string): never => {
    throw invalidArgument(`expected ${expected} for ${datatype} input '${name}', got ${shown(value)} at ${at}`);
  };
  if (datatype === "BYTES") {
    return elements.map((value, at) => {
      if (value instanceof Uint8Array) return value;
      if (typeof value !== "string") return refuse(value, at, "strings or Uint8Arrays");
      return halfPair.test(value) ? refuse(value, at, "strings of whole characters") : value;
    });
  }
  if (datatype === "FP16" || datatype === "BF16")
    throw invalidArgument(`expected a Uint16Array of raw bits for ${datatype} input '${name}', got plain values`);
  const array = new arrayTypes[datatype](elements.length) as unknown as Record<number, number | bigint>;
  for (const [at, value] of elements.entries()) {
    array[at] = converted(datatype, value) ?? refuse(value, at, expectation(datatype));
  }
  return array as unknown as TypedArray;
}

/** undefined: not a value of this type. */
function converted(datatype: FixedDatatype, value: unknown): number | bigint | undefined {
  if (datatype === "BOOL") return typeof value === "boolean" ? Number(value) : undefined;
  if (datatype === "FP32" || datatype === "FP64") return typeof value === "number" ? value : undefined;
  const whole = typeof value === "bigint" || (typeof value === "number" && Number.isSafeInteger(value));
  const range = ranges[datatype];
  if (!whole || range === undefined || value < range[0] || value > range[1]) return undefined;
  return datatype.endsWith("64") ? BigInt(value) : Number(value);
}

function expectation(datatype: FixedDatatype): string {
  const range = ranges[datatype];
  if (range) return `integers from ${range[0]} to ${range[1]}`;
  return datatype === "BOOL" ? "booleans" : "numbers";
}

function shown(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.length > 20 ? `${value.slice(0, 20)}...` : value);
  if (typeof value === "bigint") return `${value}n`;
  return typeof value === "object" && value !== null ? value.constructor.name : String(value);
}

/** The array as it stands, seen as the type that its datatype is held in. @throws InferenceError invalid-argument */
export function checkedArray(name: string, datatype: Datatype, array: ArrayBufferView): TypedArray {
  if (datatype !== "BYTES" && datatypesOf(array).includes(datatype)) {
    if (!(array instanceof Uint8ClampedArray)) return array as TypedArray;
    return new Uint8Array(array.buffer, array.byteOffset, array.length);
  }
  const expected = datatype === "BYTES" ? "an array of strings or Uint8Arrays" : arrayTypes[datatype].name;
  throw invalidArgument(`expected ${expected} for ${datatype} input '${name}', got ${array.constructor.name}`);
}
