// SPDX-License-Identifier: Apache-2.0
// What `preprocess` computes of an image's pixels, and back.
import type { TensorSpec } from "../../runtime/model.js";
import { nativePreprocess, type Preprocess } from "../../runtime/preprocess-options.js";

/** real = pixel x mul + add, each rounded to FP32: one of each for all channels, or one per channel of the tensor. */
export interface PixelArithmetic {
  readonly mul: readonly number[];
  readonly add: readonly number[];
  /** Of the channels, counted from the last dim: -1 where pixels are interleaved, -3 for planes. */
  readonly axis: -1 | -3;
}

/** Of the FP32 inputs that `preprocess` makes of images, by name; without those whose channels differ and have no dim of their own. */
export function pixelArithmetic(
  specs: readonly TensorSpec[],
  preprocess: Preprocess | undefined,
): ReadonlyMap<string, PixelArithmetic> {
  const plans = nativePreprocess(preprocess);
  const found = new Map<string, PixelArithmetic>();
  for (const { name, datatype, shape } of specs) {
    const plan = plans[name] ?? (specs.length === 1 ? plans[""] : undefined);
    if (plan?.kind !== "image" || datatype !== "FP32") continue;
    const [mul = [], add = []] = [plan.mul, plan.add].map((values) => {
      const ordered = values.map((_, channel) => Math.fround(values[plan.place.indexOf(channel)] as number));
      return ordered.every((value) => value === ordered[0]) ? ordered.slice(0, 1) : ordered;
    });
    const axis = channelAxis(shape, plan.place.length, plan.layout);
    if (axis !== undefined) found.set(name, { mul, add, axis });
    else if (mul.length === 1 && add.length === 1) found.set(name, { mul, add, axis: -1 });
  }
  return found;
}

/** As the native plan finds it: `attach` of native/core/transform/input_plan.cc. */
function channelAxis(
  shape: readonly number[],
  channels: number,
  layout: "auto" | "nhwc" | "nchw",
): -1 | -3 | undefined {
  if (shape.length < 3) return undefined;
  const isPlanes = layout === "auto" ? shape.at(-3) === channels && shape.at(-1) !== channels : layout === "nchw";
  return isPlanes ? -3 : -1;
}

/** The pixels that floats came from; what lies between is rounded. */
export function pixelsOf(values: Float32Array, shape: readonly number[], arithmetic: PixelArithmetic): Uint8Array {
  const { mul, add } = arithmetic;
  return Uint8Array.from(values, (value, at) => {
    const c = channelAt(at, shape, arithmetic);
    const pixel = Math.round((value - (add[c % add.length] as number)) / (mul[c % mul.length] as number));
    return Math.max(0, Math.min(255, pixel));
  });
}

/** What preprocess makes of pixels. */
export function realsOf(pixels: Uint8Array, shape: readonly number[], arithmetic: PixelArithmetic): Float32Array {
  const { mul, add } = arithmetic;
  return Float32Array.from(pixels, (pixel, at) => {
    const c = channelAt(at, shape, arithmetic);
    return Math.fround(pixel * (mul[c % mul.length] as number)) + (add[c % add.length] as number);
  });
}

function channelAt(at: number, shape: readonly number[], { mul, add, axis }: PixelArithmetic): number {
  const inner = axis === -1 ? 1 : (shape.at(-1) ?? 1) * (shape.at(-2) ?? 1);
  return Math.floor(at / inner) % Math.max(mul.length, add.length);
}
