// SPDX-License-Identifier: Apache-2.0
// The Protocol Buffers wire format: what a field looks like in bytes, without knowing what it means.
import { OrtserveError } from "../../errors.js";

/** A 64-bit integer: a number where it is exact, else a bigint. */
export type Int = number | bigint;

export const WireType = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

/** Reads one message's bytes front to back. Byte fields are views, not copies. Throws ERR_LOAD_FAILED where the bytes end early. */
export class WireReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  position = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get done(): boolean {
    return this.position >= this.#bytes.length;
  }

  /** Signed 64-bit varint. */
  int(): Int {
    let low = 0;
    for (let shift = 0; shift < 49; shift += 7) {
      const byte = this.#byte();
      low += (byte & 127) * 2 ** shift;
      if (byte < 128) return low;
    }
    let value = BigInt(low);
    for (let shift = 49n; shift < 70n; shift += 7n) {
      const byte = this.#byte();
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return exact(BigInt.asIntN(64, value));
    }
    throw malformed("a number of more than 10 bytes");
  }

  /** Varint that must be a length, a tag or another small count. */
  size(): number {
    const value = this.int();
    if (typeof value === "number" && value >= 0) return value;
    throw malformed(`a length of ${value}`);
  }

  bytes(): Uint8Array {
    const length = this.size();
    return this.#take(length);
  }

  float(): number {
    const at = this.position;
    this.#take(4);
    return this.#view.getFloat32(at, true);
  }

  double(): number {
    const at = this.position;
    this.#take(8);
    return this.#view.getFloat64(at, true);
  }

  skip(wireType: number): void {
    if (wireType === WireType.varint) this.int();
    else if (wireType === WireType.fixed64) this.#take(8);
    else if (wireType === WireType.bytes) this.bytes();
    else if (wireType === WireType.fixed32) this.#take(4);
    else throw malformed(`a field of wire type ${wireType}`);
  }

  /** What was read since `start`. */
  since(start: number): Uint8Array {
    return this.#bytes.subarray(start, this.position);
  }

  #byte(): number {
    const byte = this.#bytes[this.position++];
    if (byte === undefined) throw malformed("an unexpected end");
    return byte;
  }

  #take(length: number): Uint8Array {
    const start = this.position;
    if (start + length > this.#bytes.length) throw malformed("an unexpected end");
    this.position += length;
    return this.#bytes.subarray(start, this.position);
  }
}

/** Collects a message as a list of pieces, so that large byte fields are never copied. */
export class WireWriter {
  readonly pieces: Uint8Array[] = [];
  /** Bytes of all pieces. */
  length = 0;
  #small: number[] = [];

  tag(field: number, wireType: number): void {
    this.int(field * 8 + wireType);
  }

  /** Signed 64-bit varint: negative numbers take ten bytes. */
  int(value: Int): void {
    let rest = typeof value === "number" && value >= 0 ? value : BigInt.asUintN(64, BigInt(value));
    while (typeof rest === "bigint" && rest > 127n) {
      this.#small.push(Number(rest & 127n) | 128);
      rest >>= 7n;
    }
    let small = Number(rest);
    for (; small > 127; small = Math.floor(small / 128)) this.#small.push((small % 128) | 128);
    this.#small.push(small);
  }

  float(value: number): void {
    this.#small.push(...new Uint8Array(Float32Array.of(value).buffer));
  }

  double(value: number): void {
    this.#small.push(...new Uint8Array(Float64Array.of(value).buffer));
  }

  raw(bytes: Uint8Array): void {
    if (bytes.length < 32) {
      for (const byte of bytes) this.#small.push(byte);
      return;
    }
    this.#flush();
    this.#add(bytes);
  }

  bytes(bytes: Uint8Array): void {
    this.int(bytes.length);
    this.raw(bytes);
  }

  /** A finished writer's pieces as one length-delimited value. */
  message(inner: WireWriter): void {
    inner.finish();
    this.int(inner.length);
    this.#flush();
    for (const piece of inner.pieces) this.#add(piece);
  }

  finish(): this {
    this.#flush();
    return this;
  }

  #flush(): void {
    if (this.#small.length === 0) return;
    this.#add(Uint8Array.from(this.#small));
    this.#small = [];
  }

  #add(piece: Uint8Array): void {
    this.pieces.push(piece);
    this.length += piece.length;
  }
}

function exact(value: bigint): Int {
  return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;
}

function malformed(what: string): OrtserveError {
  return new OrtserveError("ERR_LOAD_FAILED", `expected an ONNX model, found ${what}: the file is damaged or no ONNX`);
}
