// SPDX-License-Identifier: Apache-2.0
// Tensors as the bytes that the wire carries, their elements as JSON text, and values of every datatype to try them with.
import fc from "fast-check";
import type { Datatype, TypedArray } from "../../src/index.js";
import type { ReferenceTensor } from "../reference.js";

/** `bytes`: little-endian elements; BYTES: each with its length before it, as in the binary protocol. */
export interface Payload {
  datatype: Datatype;
  shape: number[];
  bytes: Buffer;
}

interface Kind {
  array: { new (buffer: ArrayBuffer): TypedArray; readonly BYTES_PER_ELEMENT: number };
  /** onnxruntime-node's name; it has none for BF16. */
  reference?: ReferenceTensor["type"];
  /** Edge values, as bits. */
  edges: TypedArray;
}

const bits16 = (...bits: number[]) => Uint16Array.from(bits);

/** Every datatype but BYTES. Floats: both zeros, subnormals, the largest, infinities, NaNs quiet, signalling, with payload. */
export const kinds: Record<Exclude<Datatype, "BYTES">, Kind> = {
  BOOL: { array: Uint8Array, reference: "bool", edges: Uint8Array.of(0, 1, 1, 0) },
  UINT8: { array: Uint8Array, reference: "uint8", edges: Uint8Array.of(0, 127, 128, 255) },
  UINT16: { array: Uint16Array, reference: "uint16", edges: Uint16Array.of(0, 32767, 32768, 65535) },
  UINT32: { array: Uint32Array, reference: "uint32", edges: Uint32Array.of(0, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1) },
  UINT64: {
    array: BigUint64Array,
    reference: "uint64",
    edges: BigUint64Array.of(0n, 2n ** 53n + 1n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n),
  },
  INT8: { array: Int8Array, reference: "int8", edges: Int8Array.of(0, -1, -128, 127) },
  INT16: { array: Int16Array, reference: "int16", edges: Int16Array.of(0, -1, -32768, 32767) },
  INT32: { array: Int32Array, reference: "int32", edges: Int32Array.of(0, -1, -(2 ** 31), 2 ** 31 - 1) },
  INT64: {
    array: BigInt64Array,
    reference: "int64",
    edges: BigInt64Array.of(0n, -1n, 2n ** 53n + 1n, -(2n ** 53n) - 1n, -(2n ** 63n), 2n ** 63n - 1n),
  },
  FP16: {
    array: Uint16Array,
    reference: "float16",
    edges: bits16(0, 0x8000, 1, 0x83ff, 0x0400, 0x7bff, 0xfbff, 0x7c00, 0xfc00, 0x7e00, 0x7d01, 0xfe55),
  },
  BF16: {
    array: Uint16Array,
    edges: bits16(0, 0x8000, 1, 0x807f, 0x0080, 0x7f7f, 0xff7f, 0x7f80, 0xff80, 0x7fc0, 0x7f81, 0xffd5),
  },
  FP32: {
    array: Float32Array,
    reference: "float32",
    edges: Uint32Array.of(
      ...[0, 0x80000000, 1, 0x807fffff, 0x00800000, 0x7f7fffff, 0xff7fffff, 0x7f800000, 0xff800000],
      ...[0x7fc00000, 0x7f800001, 0xffd55555, 0x3dcccccd],
    ),
  },
  FP64: {
    array: Float64Array,
    reference: "float64",
    edges: BigUint64Array.of(
      ...[0n, 1n << 63n, 1n, 0x800fffffffffffffn, 0x0010000000000000n, 0x7fefffffffffffffn, 0x7ff0000000000000n],
      ...[0xfff0000000000000n, 0x7ff8000000000000n, 0x7ff0000000000001n, 0xfffaaaaaaaaaaaaan, 0x3fb999999999999an],
    ),
  },
};
export type Numeric = keyof typeof kinds;
export const numericDatatypes = Object.keys(kinds) as Numeric[];

/** Of one dim. */
export function payloadOf(datatype: Numeric, elements: ArrayBufferView): Payload {
  const bytes = Buffer.from(elements.buffer, elements.byteOffset, elements.byteLength);
  return { datatype, shape: [bytes.length / kinds[datatype].array.BYTES_PER_ELEMENT], bytes };
}

/** The elements, in memory of their own: a view would need aligned bytes. */
export function arrayOf({ datatype, bytes }: Payload): TypedArray {
  const { array } = kinds[datatype as Numeric];
  return new array(Uint8Array.from(bytes).buffer);
}

export function bytesPayload(strings: readonly (string | Uint8Array)[]): Payload {
  const parts = strings.flatMap((each) => {
    const text = Buffer.from(each as Uint8Array);
    const size = Buffer.alloc(4);
    size.writeUInt32LE(text.length);
    return [size, text];
  });
  return { datatype: "BYTES", shape: [strings.length], bytes: Buffer.concat(parts) };
}

export function stringsOf({ bytes }: Payload): string[] {
  const strings: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const size = bytes.readUInt32LE(at);
    strings.push(bytes.toString("utf8", at + 4, at + 4 + size));
    at += 4 + size;
  }
  return strings;
}

/** 1 to 200 elements of any bits of a datatype. */
export function anyPayload(datatype: Numeric): fc.Arbitrary<Payload> {
  const size = kinds[datatype].array.BYTES_PER_ELEMENT;
  const byte = datatype === "BOOL" ? fc.integer({ min: 0, max: 1 }) : fc.integer({ min: 0, max: 255 });
  return fc
    .array(fc.array(byte, { minLength: size, maxLength: size }), { minLength: 1, maxLength: 200 })
    .map((elements) => payloadOf(datatype, Uint8Array.from(elements.flat())));
}

/** 1 to 40 strings of any characters; `withNul`: U+0000 among them, at which onnxruntime-node cuts a string off. */
export function anyStrings(withNul: boolean): fc.Arbitrary<Payload> {
  const text = fc
    .string({ unit: "binary", maxLength: 40 })
    .map((each) => (withNul ? each : each.replaceAll("\0", "0")));
  return fc.array(text, { minLength: 1, maxLength: 40 }).map(bytesPayload);
}
