// SPDX-License-Identifier: Apache-2.0
// An array as JSON text, nested as it is.
import type { NpyArray, NpyDatatype } from "../runtime/npy.js";
import { elementCount } from "../runtime/tensor.js";

export function npyToJson({ datatype, shape, read }: NpyArray): string {
  const values = read(0, elementCount(shape));
  const text = writer(datatype);
  let at = 0;
  const write = (level: number): string => {
    const dim = shape[level];
    if (dim === undefined) return text(values[at++] as number | bigint);
    return `[${Array.from({ length: dim }, () => write(level + 1)).join(",")}]`;
  };
  return write(0);
}

/** NaN, infinities and -0 as the server reads them. */
function writer(datatype: NpyDatatype): (value: number | bigint) => string {
  if (datatype === "BOOL") return (value) => String(value !== 0);
  const number = (value: number | bigint) => (Object.is(value, -0) ? "-0" : String(value));
  return datatype === "FP16" ? (value) => number(half(Number(value))) : number;
}

function half(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const mantissa = bits & 0x3ff;
  if (exponent === 0) return sign * mantissa * 2 ** -24;
  if (exponent === 31) return mantissa === 0 ? sign * Infinity : NaN;
  return sign * (1 + mantissa / 1024) * 2 ** (exponent - 15);
}
