// SPDX-License-Identifier: Apache-2.0
// Elements as JSON text and back without losing a bit, independently of the server's own codec.
import type { Datatype } from "../../src/index.js";
import type { Json } from "./open-inference-body.js";
import { arrayOf, bytesPayload, kinds, type Numeric, type Payload, payloadOf, stringsOf } from "./parity-values.js";

type Element = number | bigint;

function bf16ToNumber(bits: number): number {
  return new Float32Array(Uint32Array.of(bits * 0x10000).buffer)[0] as number;
}

function fp16ToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 0x3ff;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return exponent ? sign * 2 ** (exponent - 25) * (1024 + fraction) : sign * 2 ** -24 * fraction;
}

/** Both ways between the bits of a 16-bit format and its numbers. `quiet`: the bits of the only NaN that JSON has. */
function shortFloat(toNumber: (bits: number) => number, quiet: number) {
  const bitsOf = new Map<number, number>();
  for (let bits = 0; bits < 0x8000; bits++) bitsOf.set(toNumber(bits), bits);
  const toBits = (value: number): number => {
    if (Number.isNaN(value)) return quiet;
    const bits = bitsOf.get(Math.abs(value));
    if (bits === undefined) throw new Error(`${value} is not a number of this format`);
    return value < 0 || Object.is(value, -0) ? bits | 0x8000 : bits;
  };
  return { toNumber, toBits };
}

const shortFloats: Partial<Record<Datatype, ReturnType<typeof shortFloat>>> = {
  FP16: shortFloat(fp16ToNumber, 0x7e00),
  BF16: shortFloat(bf16ToNumber, 0x7fc0),
};

function elementsOf(payload: Payload): Element[] {
  const elements: Element[] = [...(arrayOf(payload) as Iterable<Element>)];
  const short = shortFloats[payload.datatype];
  return short ? elements.map((bits) => short.toNumber(bits as number)) : elements;
}

function textOf(datatype: Datatype, element: Element): string {
  if (datatype === "BOOL") return element ? "true" : "false";
  return Object.is(element, -0) ? "-0" : String(element);
}

/** The JSON text of each element. */
export function textsOf(payload: Payload): string[] {
  if (payload.datatype === "BYTES") return stringsOf(payload).map((text) => JSON.stringify(text));
  return elementsOf(payload).map((element) => textOf(payload.datatype, element));
}

function elementOf(datatype: Numeric, text: string): Element {
  if (datatype === "BOOL") return text === "true" ? 1 : Number(text === "false" ? 0 : Number.NaN);
  if (datatype.endsWith("INT64")) return BigInt(text);
  const short = shortFloats[datatype];
  return short ? short.toBits(Math.fround(Number(text))) : Number(text);
}

/** The elements that texts from {@link parseExact} stand for. */
export function payloadFromTexts(datatype: Datatype, shape: number[], texts: readonly string[]): Payload {
  if (datatype === "BYTES") return { ...bytesPayload(texts), shape };
  const { array } = kinds[datatype];
  const elements = texts.map((text) => elementOf(datatype, text));
  return { ...payloadOf(datatype, (array as typeof Float64Array).from(elements as number[])), shape };
}

/** What JSON can carry of a payload: every NaN is the same one. */
export function withoutNanBits(payload: Payload): Payload {
  if (payload.datatype === "BYTES") return payload;
  const array = arrayOf(payload) as Float64Array;
  const quiet = shortFloats[payload.datatype]?.toBits(Number.NaN) ?? Number.NaN;
  for (const [i, element] of elementsOf(payload).entries()) if (Number.isNaN(element)) array[i] = quiet;
  return { ...payloadOf(payload.datatype, array), shape: payload.shape };
}

/** `[[1,2],[3,4]]` of four texts and the shape [2, 2]. */
export function nestedText(texts: readonly string[], shape: readonly number[]): string {
  if (shape.length === 0) return texts[0] as string;
  const [rows, ...inner] = shape as [number, ...number[]];
  const size = texts.length / Math.max(rows, 1);
  const row = (_: unknown, i: number) => nestedText(texts.slice(i * size, (i + 1) * size), inner);
  return `[${Array.from({ length: rows }, row)}]`;
}

/** Parses JSON with every number, boolean and NaN as its own text, so that no digit is lost; sizes of blobs stay numbers. */
export function parseExact(text: string): Json {
  const tokens = /"binary_data_size":[0-9]+|"(?:[^"\\]|\\.)*"|-?(?:[0-9][0-9.eE+-]*|NaN|Infinity)|true|false/g;
  return JSON.parse(text.replace(tokens, (token) => (token.startsWith('"') ? token : `"${token}"`)));
}
