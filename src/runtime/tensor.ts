// SPDX-License-Identifier: Apache-2.0
// Tensors as JavaScript sees them: a datatype, a shape, and one flat array in C order.
import { OrtserveError } from "../errors.js";
import { describe } from "./option-check.js";

/** The array that holds a tensor of each datatype (Open Inference Protocol names). FP16 and BF16 are raw bits. */
export interface TensorArrays {
  BOOL: Uint8Array;
  UINT8: Uint8Array;
  UINT16: Uint16Array;
  UINT32: Uint32Array;
  UINT64: BigUint64Array;
  INT8: Int8Array;
  INT16: Int16Array;
  INT32: Int32Array;
  INT64: BigInt64Array;
  FP16: Uint16Array;
  BF16: Uint16Array;
  FP32: Float32Array;
  FP64: Float64Array;
  BYTES: string[];
}
export type Datatype = keyof TensorArrays;
export type TypedArray = Exclude<TensorArrays[Datatype], string[]>;

interface TypedArrayConstructor {
  new (length: number): TypedArray;
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): TypedArray;
  readonly BYTES_PER_ELEMENT: number;
  readonly name: string;
}

/** The typed array of each datatype; BYTES has none. In the order of `native/core/tensor.h`, which a test pins. */
export const arrayTypes: { readonly [D in Datatype]: TypedArrayConstructor | undefined } = {
  BOOL: Uint8Array,
  UINT8: Uint8Array,
  UINT16: Uint16Array,
  UINT32: Uint32Array,
  UINT64: BigUint64Array,
  INT8: Int8Array,
  INT16: Int16Array,
  INT32: Int32Array,
  INT64: BigInt64Array,
  FP16: Uint16Array,
  BF16: Uint16Array,
  FP32: Float32Array,
  FP64: Float64Array,
  BYTES: undefined,
};

/** All datatypes, in the order of the native table. */
export const datatypes = Object.keys(arrayTypes) as readonly Datatype[];

/** One tensor. Immutable in shape and datatype; `data` is not copied. */
export class Tensor<D extends Datatype = Datatype> {
  readonly datatype: D;
  /** Dimensions, outermost first; [] is a scalar. */
  readonly shape: readonly number[];
  /** Elements in C order. BYTES: strings (UTF-8 on the native side). BOOL: 0 or 1. */
  readonly data: TensorArrays[D];

  /** Throws ERR_INVALID_ARGUMENT when the array is not that of the datatype or its length is not that of the shape. */
  constructor(datatype: D, data: TensorArrays[D], givenShape?: readonly number[]) {
    checkArray(datatype, data);
    const shape = givenShape === undefined ? [data.length] : givenShape; // no default value: `data` is checked first
    const expected = elementCount(shape);
    if (data.length !== expected) {
      throw invalid(`expected ${expected} elements for shape ${shapeText(shape)}, got ${data.length}`);
    }
    this.datatype = datatype;
    this.shape = shape;
    this.data = data;
  }

  /** Number of elements. */
  get size(): number {
    return this.data.length;
  }
}

/** Throws unless `data` is what holds a `datatype`. */
export function checkArray(datatype: Datatype, data: unknown): void {
  if (!Object.hasOwn(arrayTypes, datatype)) {
    throw invalid(`unknown datatype ${describe(datatype)}; known: ${datatypes.join(", ")}`);
  }
  const type = arrayTypes[datatype];
  const fits = type === undefined ? Array.isArray(data) : data instanceof (type as unknown as typeof Uint8Array);
  if (!fits) throw invalid(`expected ${type?.name ?? "an array of strings"} for ${datatype}, got ${describe(data)}`);
}

/** Most dimensions of a tensor. */
export const maxRank = 8;

/** Product of the dimensions. Throws unless each is a whole number >= 0 and there are at most {@link maxRank}. */
export function elementCount(shape: readonly number[]): number {
  let count = 1;
  if (!Array.isArray(shape) || shape.length > maxRank)
    throw invalid(`expected a shape of at most ${maxRank} dims, got ${describe(shape)}`);
  for (const dim of shape) {
    if (!Number.isSafeInteger(dim) || dim < 0) throw invalid(`expected dims >= 0 in a shape, got ${shapeText(shape)}`);
    count *= dim;
  }
  if (!Number.isSafeInteger(count)) throw invalid(`shape ${shapeText(shape)} has too many elements`);
  return count;
}

/** "[1,28,28,1]", as error messages have it. */
export function shapeText(shape: readonly number[]): string {
  return `[${shape.join(",")}]`;
}

function invalid(message: string): OrtserveError {
  return new OrtserveError("ERR_INVALID_ARGUMENT", message);
}
