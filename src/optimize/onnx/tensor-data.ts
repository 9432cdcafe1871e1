// SPDX-License-Identifier: Apache-2.0
// What a TensorProto holds, whichever of its six fields holds it.
import { OrtserveError } from "../../errors.js";
import { readExternal } from "./external-data.js";
import { ElementType, type TensorProto } from "./messages.js";

interface ElementArray {
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): ElementView;
  readonly BYTES_PER_ELEMENT: number;
}
export type ElementView =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array
  | Float32Array
  | Float64Array;

/** The typed array of each fixed-width element type; FLOAT16 and BFLOAT16 as bits, BOOL as 0 and 1. */
const views: Readonly<Partial<Record<number, ElementArray>>> = {
  [ElementType.float]: Float32Array,
  [ElementType.uint8]: Uint8Array,
  [ElementType.int8]: Int8Array,
  [ElementType.uint16]: Uint16Array,
  [ElementType.int16]: Int16Array,
  [ElementType.int32]: Int32Array,
  [ElementType.int64]: BigInt64Array,
  [ElementType.bool]: Uint8Array,
  [ElementType.float16]: Uint16Array,
  [ElementType.double]: Float64Array,
  [ElementType.uint32]: Uint32Array,
  [ElementType.uint64]: BigUint64Array,
  [ElementType.bfloat16]: Uint16Array,
};

/** Number of elements. */
export function tensorSize(tensor: TensorProto): number {
  return tensor.dims.reduce((product, dim) => product * dim, 1);
}

/** Bytes of one element of a fixed-width type, else 0. */
export function elementBytes(type: number | undefined): number {
  return views[type ?? 0]?.BYTES_PER_ELEMENT ?? 0;
}

/**
 * The elements: a view of the model's bytes where those are aligned, else a copy. `directory` is the folder of external data.
 * Throws ERR_LOAD_FAILED for strings, for types this reader does not know and for data shorter than the shape says.
 */
export function tensorValues(tensor: TensorProto, directory: string): ElementView {
  const type = views[tensor.dataType ?? 0];
  if (type === undefined) throw wrong(tensor, `element type ${tensor.dataType}`);
  const count = tensorSize(tensor);
  const raw = tensor.dataLocation === 1 ? readExternal(tensor, directory) : tensor.rawData;
  if (raw === undefined) return fromFields(tensor, type, count);
  if (raw.byteLength !== count * type.BYTES_PER_ELEMENT)
    throw wrong(tensor, `${raw.byteLength} bytes for shape [${tensor.dims.join(",")}]`);
  const aligned = raw.byteOffset % type.BYTES_PER_ELEMENT === 0 ? raw : Uint8Array.from(raw);
  return new type(aligned.buffer, aligned.byteOffset, count);
}

/** {@link tensorValues} of a FLOAT tensor. */
export function floatValues(tensor: TensorProto, directory: string): Float32Array {
  const values = tensorValues(tensor, directory);
  if (values instanceof Float32Array) return values;
  throw wrong(tensor, `element type ${tensor.dataType} instead of FLOAT`);
}

/** {@link tensorValues} of an integer tensor as numbers; 64-bit values beyond 2^53 are clamped to it. */
export function integerValues(tensor: TensorProto, directory: string): number[] {
  return Array.from(tensorValues(tensor, directory) as ArrayLike<number | bigint>, clampedInt);
}

/** The number nearest to a 64-bit integer: "to the end" is written as 2^63 - 1 in slices. */
export function clampedInt(value: number | bigint): number {
  return Math.min(Number.MAX_SAFE_INTEGER, Math.max(Number.MIN_SAFE_INTEGER, Number(value)));
}

/** Small tensors may have their numbers in fields of their own; 16-bit floats stand in int32_data as bits. */
function fromFields(tensor: TensorProto, type: ElementArray, count: number): ElementView {
  const longs = [...tensor.int64Data, ...tensor.uint64Data];
  const plain = [...tensor.floatData, ...tensor.doubleData, ...tensor.int32Data];
  const found = longs.length + plain.length;
  if (found !== count) throw wrong(tensor, `${found} elements for shape [${tensor.dims.join(",")}]`);
  const values = new type(new ArrayBuffer(count * type.BYTES_PER_ELEMENT), 0, count);
  const wide = values instanceof BigInt64Array || values instanceof BigUint64Array;
  for (const [i, value] of [...longs, ...plain].entries()) values[i] = wide ? BigInt(value) : Number(value);
  return values;
}

/** A new initializer. `values` is not copied. */
export function makeTensor(
  name: string,
  dataType: ElementType,
  dims: readonly number[],
  values: ElementView,
): TensorProto {
  const rawData = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return { ...emptyTensor(), name, dims: [...dims], dataType, rawData };
}

/** INT64 vector, or a scalar for a bare number. */
export function int64Tensor(name: string, values: number | readonly (number | bigint)[]): TensorProto {
  const list = typeof values === "number" ? [values] : values;
  const dims = typeof values === "number" ? [] : [list.length];
  return makeTensor(name, ElementType.int64, dims, BigInt64Array.from(list, BigInt));
}

/** FLOAT scalar. */
export function floatScalar(name: string, value: number): TensorProto {
  return makeTensor(name, ElementType.float, [], Float32Array.of(value));
}

export function emptyTensor(): TensorProto {
  return {
    dims: [],
    floatData: [],
    int32Data: [],
    stringData: [],
    int64Data: [],
    doubleData: [],
    uint64Data: [],
    externalData: [],
    metadataProps: [],
  };
}

function wrong(tensor: TensorProto, what: string): OrtserveError {
  return new OrtserveError("ERR_LOAD_FAILED", `initializer '${tensor.name ?? ""}' has ${what}`);
}
