// SPDX-License-Identifier: Apache-2.0
// The datatypes of the Open Inference Protocol and the arrays that hold them.

/** Array of each datatype whose elements have a fixed size. Byte order is the machine's, which must be little-endian. */
export interface TypedArrays {
  /** 0 or 1 */
  BOOL: Uint8Array;
  UINT8: Uint8Array;
  UINT16: Uint16Array;
  UINT32: Uint32Array;
  UINT64: BigUint64Array;
  INT8: Int8Array;
  INT16: Int16Array;
  INT32: Int32Array;
  INT64: BigInt64Array;
  /** raw bits */
  FP16: Uint16Array;
  /** raw bits: the upper half of an FP32 */
  BF16: Uint16Array;
  FP32: Float32Array;
  FP64: Float64Array;
}

export type FixedDatatype = keyof TypedArrays;
export type Datatype = FixedDatatype | "BYTES";
export type TypedArray = TypedArrays[FixedDatatype];

/** An output: `data` in row-major order, in memory of its own. BYTES are strings, decoded from UTF-8. */
export type Tensor<D extends Datatype = Datatype> = D extends FixedDatatype
  ? { readonly datatype: D; readonly shape: readonly number[]; readonly data: TypedArrays[D] }
  : { readonly datatype: "BYTES"; readonly shape: readonly number[]; readonly data: readonly string[] };

/** A BYTES output as `rawBytes` gives it: the bytes of each element. */
export interface BytesTensor {
  readonly datatype: "BYTES";
  readonly shape: readonly number[];
  readonly data: readonly Uint8Array[];
}

interface TypedArrayType {
  readonly BYTES_PER_ELEMENT: number;
  readonly name: string;
  new (length: number): TypedArray;
  new (buffer: ArrayBuffer): TypedArray;
}

export const arrayTypes: Readonly<Record<FixedDatatype, TypedArrayType>> = {
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
};

export function isDatatype(name: unknown): name is Datatype {
  return typeof name === "string" && (name === "BYTES" || Object.hasOwn(arrayTypes, name));
}

/** The datatypes whose elements this array can hold: none, one, or several. */
export function datatypesOf(array: ArrayBufferView): FixedDatatype[] {
  if (array instanceof Uint8ClampedArray) return ["UINT8"];
  const names = Object.keys(arrayTypes) as FixedDatatype[];
  return names.filter((name) => array instanceof (arrayTypes[name] as unknown as typeof Uint8Array));
}

/** Elements of a tensor of this shape; 1 for a scalar. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, dim) => product * dim, 1);
}

/** An array of lengths, each a whole number of 0 or more, whose product is one as well. */
export function isShape(shape: unknown): shape is number[] {
  return (
    Array.isArray(shape) &&
    shape.every((dim) => Number.isSafeInteger(dim) && dim >= 0) &&
    Number.isSafeInteger(elementCount(shape))
  );
}
