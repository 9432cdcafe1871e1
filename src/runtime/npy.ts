// SPDX-License-Identifier: Apache-2.0
// NumPy's .npy: a header that says datatype and shape, then the elements. Read and written for calibration data and the shell.
import { OrtserveError } from "../errors.js";
import { arrayTypes, type Datatype, elementCount, shapeText, type TypedArray } from "./tensor.js";

/** NumPy's type codes, without their byte order. BF16 and BYTES have none that NumPy itself reads. */
const codes = {
  BOOL: "b1",
  UINT8: "u1",
  UINT16: "u2",
  UINT32: "u4",
  UINT64: "u8",
  INT8: "i1",
  INT16: "i2",
  INT32: "i4",
  INT64: "i8",
  FP16: "f2",
  FP32: "f4",
  FP64: "f8",
} as const satisfies Partial<Record<Datatype, string>>;

export type NpyDatatype = keyof typeof codes;

/** What a header says. */
export interface NpyHeader {
  readonly datatype: NpyDatatype;
  readonly shape: readonly number[];
  /** Where the elements begin, in bytes. */
  readonly start: number;
}

/** Reads `length` bytes at `offset`, aligned to 8 bytes and fewer only at the end. */
export type ReadAt = (offset: number, length: number) => Uint8Array;

/** An array whose elements are read when they are wanted. */
export interface NpyArray extends NpyHeader {
  /** Elements from `start` on. */
  read(start: number, count: number): TypedArray;
}

const magic = "\x93NUMPY";
/** Enough for every header that NumPy writes for plain arrays. */
const longestHeader = 2 ** 16;

export function isNpy(bytes: Uint8Array): boolean {
  return Buffer.from(bytes.subarray(0, magic.length)).toString("latin1") === magic;
}

export function isNpyDatatype(datatype: string): datatype is NpyDatatype {
  return Object.hasOwn(codes, datatype);
}

/** Of an array in memory. `where`: for messages. @throws OrtserveError ERR_INVALID_INPUT */
export function npyIn(bytes: Uint8Array, where: string): NpyArray {
  // Copied, so that it is aligned; a Buffer's own slice() would not copy.
  const readAt: ReadAt = (offset, length) => Uint8Array.prototype.slice.call(bytes, offset, offset + length);
  return openNpy(readAt, bytes.length, where);
}

/** Of an array of `size` bytes, header included. @throws OrtserveError ERR_INVALID_INPUT */
export function openNpy(readAt: ReadAt, size: number, where: string): NpyArray {
  const header = npyHeader(readAt(0, Math.min(size, longestHeader)), where);
  const { datatype, shape, start } = header;
  const type = arrayTypes[datatype] as NonNullable<(typeof arrayTypes)[NpyDatatype]>;
  const width = type.BYTES_PER_ELEMENT;
  if (start + elementCount(shape) * width > size)
    throw invalid(where, `the file ends before its array ${shapeText(shape)}`);
  const read = (first: number, count: number) => {
    const bytes = readAt(start + first * width, count * width);
    return new type(bytes.buffer, bytes.byteOffset, count);
  };
  return { ...header, read };
}

function npyHeader(head: Uint8Array, where: string): NpyHeader {
  if (!isNpy(head) || head.length < 12)
    throw invalid(where, "expected a NumPy array, which begins with \\x93NUMPY and a header");
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const isWide = (head[6] ?? 1) > 1;
  const start = isWide ? 12 + view.getUint32(8, true) : 10 + view.getUint16(8, true);
  if (start > head.length) throw invalid(where, "the file ends before its header does");
  const header = Buffer.from(head.subarray(10, start)).toString("latin1");
  const [, order = "", code = ""] = /'descr': *'([<>|=])(\w+)'/.exec(header) ?? [];
  const datatype = Object.keys(codes).find((name) => codes[name as NpyDatatype] === code);
  if (datatype === undefined || order === ">") throw invalid(where, `cannot read elements of type '${order}${code}'`);
  if (/'fortran_order': *True/.test(header)) throw invalid(where, "expected C order: save numpy.ascontiguousarray(x)");
  const [, dims] = /'shape': *\(([0-9, ]*)\)/.exec(header) ?? [];
  if (dims === undefined) throw invalid(where, "expected a shape in its header");
  const shape = dims.split(",").flatMap((dim) => (dim.trim() === "" ? [] : [Number(dim)]));
  return { datatype: datatype as NpyDatatype, shape, start };
}

/** Header and elements of a file, for a vectored write. `data`: of that datatype and shape. */
export function npyFile(datatype: NpyDatatype, shape: readonly number[], data: ArrayBufferView): Uint8Array[] {
  const order = codes[datatype].endsWith("1") ? "|" : "<";
  const dims = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
  const text = `{'descr': '${order}${codes[datatype]}', 'fortran_order': False, 'shape': (${dims}), }`;
  // Magic, version, length, text and newline fill a multiple of 64 bytes.
  const header = `${text.padEnd(Math.ceil((text.length + 11) / 64) * 64 - 11)}\n`;
  const head = Buffer.alloc(10 + header.length);
  head.write(magic, "latin1");
  head.writeUInt8(1, 6);
  head.writeUInt16LE(header.length, 8);
  head.write(header, 10, "latin1");
  return [head, new Uint8Array(data.buffer, data.byteOffset, data.byteLength)];
}

function invalid(where: string, what: string): OrtserveError {
  return new OrtserveError("ERR_INVALID_INPUT", `${where}: ${what}`);
}
