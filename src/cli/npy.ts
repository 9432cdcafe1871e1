// SPDX-License-Identifier: Apache-2.0
// NumPy's .npy files as JSON text, nested as the array is.
import { OrtserveError } from "../errors.js";

type Read = (view: DataView, at: number) => string;

const number = (value: number) => (Object.is(value, -0) ? "-0" : String(value)); // NaN and Infinity as the server reads them
const readers: Readonly<Record<string, { size: number; read: Read }>> = {
  f4: { size: 4, read: (view, at) => number(view.getFloat32(at, true)) },
  f8: { size: 8, read: (view, at) => number(view.getFloat64(at, true)) },
  f2: { size: 2, read: (view, at) => number(half(view.getUint16(at, true))) },
  i1: { size: 1, read: (view, at) => String(view.getInt8(at)) },
  i2: { size: 2, read: (view, at) => String(view.getInt16(at, true)) },
  i4: { size: 4, read: (view, at) => String(view.getInt32(at, true)) },
  i8: { size: 8, read: (view, at) => String(view.getBigInt64(at, true)) },
  u1: { size: 1, read: (view, at) => String(view.getUint8(at)) },
  u2: { size: 2, read: (view, at) => String(view.getUint16(at, true)) },
  u4: { size: 4, read: (view, at) => String(view.getUint32(at, true)) },
  u8: { size: 8, read: (view, at) => String(view.getBigUint64(at, true)) },
  b1: { size: 1, read: (view, at) => String(view.getUint8(at) !== 0) },
};

export function isNpy(bytes: Uint8Array): boolean {
  return Buffer.from(bytes.subarray(0, 6)).toString("latin1") === "\x93NUMPY";
}

/** @param source for messages. @throws OrtserveError ERR_INVALID_INPUT */
export function npyToJson(bytes: Uint8Array, source: string): string {
  const wrong = (expected: string) =>
    new OrtserveError("ERR_INVALID_INPUT", `${source}: expected ${expected} in the .npy file`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const start = bytes[6] === 1 ? 10 : 12;
  if (bytes.length < start) throw wrong("a header");
  const length = bytes[6] === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  const header = Buffer.from(bytes.subarray(start, start + length)).toString("latin1");
  const [, type = ""] = /'descr':\s*'[<|]([a-z][0-9]+)'/.exec(header) ?? [];
  const reader = readers[type];
  if (reader === undefined) throw wrong("little-endian numbers or booleans");
  if (!/'fortran_order':\s*False/.test(header)) throw wrong("C order (numpy.ascontiguousarray)");
  const [, dims] = /'shape':\s*\(([0-9, ]*)\)/.exec(header) ?? [];
  if (dims === undefined) throw wrong("a shape");
  const shape = dims.split(",").flatMap((dim) => (dim.trim() === "" ? [] : [Number(dim)]));
  const count = shape.reduce((product, dim) => product * dim, 1);
  const data = start + length;
  if (bytes.length !== data + count * reader.size) throw wrong(`${count * reader.size} bytes of data`);
  let at = data;
  const write = (level: number): string => {
    const dim = shape[level];
    if (dim === undefined) {
      at += reader.size;
      return reader.read(view, at - reader.size);
    }
    return `[${Array.from({ length: dim }, () => write(level + 1)).join(",")}]`;
  };
  return write(0);
}

function half(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const mantissa = bits & 0x3ff;
  if (exponent === 0) return sign * mantissa * 2 ** -24;
  if (exponent === 31) return mantissa === 0 ? sign * Infinity : NaN;
  return sign * (1 + mantissa / 1024) * 2 ** (exponent - 15);
}
