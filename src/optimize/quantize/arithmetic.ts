// SPDX-License-Identifier: Apache-2.0
// The arithmetic of linear quantization, bit for bit that of onnxruntime.quantization and of ONNX's QuantizeLinear.
import { ElementType } from "../onnx/messages.js";

export interface IntegerType {
  readonly name: "uint8" | "int8";
  readonly elementType: ElementType;
  readonly min: number;
  readonly max: number;
}

export const uint8: IntegerType = { name: "uint8", elementType: ElementType.uint8, min: 0, max: 255 };
export const int8: IntegerType = { name: "int8", elementType: ElementType.int8, min: -128, max: 127 };

/** real = scale * (integer - zeroPoint); the scale is an exact FP32 number. */
export interface QuantParams {
  readonly type: IntegerType;
  readonly scale: number;
  readonly zeroPoint: number;
}

/** Smallest normal FP32 number: a scale below it would divide by next to nothing. */
const tiny = 2 ** -126;

/** To the nearest integer, halves to the even one, as IEEE 754 rounds; `Math.round` rounds halves up. Exact below 2^51. */
export function rintEven(value: number): number {
  return value + 1.5 * 2 ** 52 - 1.5 * 2 ** 52; // where doubles have no fraction left, the sum itself is rounded
}

/** Integers of [qmin, qmax] spread over [min, max], which is widened to hold 0. */
export function asymmetricParams(min: number, max: number, type: IntegerType): QuantParams {
  const [low, high] = [Math.min(min, 0), Math.max(max, 0)];
  const scale = (high - low) / (type.max - type.min);
  if (scale < tiny) return { type, scale: 1, zeroPoint: 0 };
  return { type, scale: Math.fround(scale), zeroPoint: rintEven(type.min - low / scale) };
}

/** Equal on both sides of 0: zero point 0 for int8, which then leaves -128 out, and 127 for uint8. */
export function symmetricParams(min: number, max: number, type: IntegerType): QuantParams {
  const most = Math.max(Math.abs(Math.min(min, 0)), Math.abs(Math.max(max, 0)));
  const [qmin, qmax] = type.name === "int8" ? [-127, 127] : [0, 254];
  const scale = (2 * most) / (qmax - qmin);
  if (scale < tiny) return { type, scale: 1, zeroPoint: 0 };
  return { type, scale: Math.fround(scale), zeroPoint: rintEven((qmin + qmax) / 2) };
}

/** 7 bits for processors whose 8-bit products saturate: AVX2 and AVX-512 without VNNI. */
export function reducedParams(absMax: number): QuantParams {
  const scale = (2 * absMax) / 128;
  return { type: int8, scale: scale < tiny ? 1 : Math.fround(scale), zeroPoint: 0 };
}

/** QuantizeLinear of one FP32 number. */
export function quantize(value: number, { type, scale, zeroPoint }: QuantParams): number {
  const q = rintEven(Math.fround(value / scale)) + zeroPoint;
  return q < type.min ? type.min : q > type.max ? type.max : q;
}

export function quantizeAll(values: ArrayLike<number>, params: QuantParams): Uint8Array | Int8Array {
  const result = params.type.name === "int8" ? new Int8Array(values.length) : new Uint8Array(values.length);
  quantizeInto(result, values, params, 0, values.length);
  return result;
}

/** Elements `from` to `to`: a plain loop, since models have many millions of weights. */
export function quantizeInto(
  target: Uint8Array | Int8Array,
  values: ArrayLike<number>,
  params: QuantParams,
  from: number,
  to: number,
): void {
  for (let i = from; i < to; i++) target[i] = quantize(values[i] as number, params);
}

/** DequantizeLinear of one integer, as FP32. */
export function dequantize(q: number, { scale, zeroPoint }: QuantParams): number {
  return Math.fround(Math.fround(q - zeroPoint) * scale);
}

/** What remains of a number that went through both. */
export function roundTrip(value: number, params: QuantParams): number {
  return dequantize(quantize(value, params), params);
}
