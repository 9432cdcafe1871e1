// SPDX-License-Identifier: Apache-2.0
// Weights as INT8, symmetric, one scale per output channel; biases as INT32 with the scale of the products they are added to.
import { int8, type QuantParams, quantizeInto, reducedParams, rintEven, symmetricParams } from "./arithmetic.js";

/** A weight seen as [outer, channels, inner], C order. */
export interface ChannelView {
  readonly values: Float32Array;
  readonly outer: number;
  readonly channels: number;
  readonly inner: number;
}

export function channelView(values: Float32Array, dims: readonly number[], axis: number): ChannelView {
  const product = (list: readonly number[]) => list.reduce((a, b) => a * b, 1);
  return {
    values,
    outer: product(dims.slice(0, axis)),
    channels: dims[axis] ?? 1,
    inner: product(dims.slice(axis + 1)),
  };
}

/** Calls back with each element's index, channel by channel. */
export function eachInChannel(
  { outer, channels, inner }: ChannelView,
  channel: number,
  visit: (at: number) => void,
): void {
  for (let o = 0; o < outer; o++) {
    const start = (o * channels + channel) * inner;
    for (let i = 0; i < inner; i++) visit(start + i);
  }
}

/** Largest magnitude of each channel. */
export function channelMagnitudes({ values, outer, channels, inner }: ChannelView): Float64Array {
  const most = new Float64Array(channels);
  for (let row = 0; row < outer * channels; row++) {
    let largest = most[row % channels] as number;
    for (let at = row * inner; at < (row + 1) * inner; at++) {
      const magnitude = Math.abs(values[at] as number);
      if (magnitude > largest) largest = magnitude;
    }
    most[row % channels] = largest;
  }
  return most;
}

export interface QuantizedWeight {
  readonly values: Int8Array;
  /** One per channel, or one for all. */
  readonly scales: Float32Array;
}

export interface WeightOptions {
  /** One scale for all channels. */
  perTensor?: boolean;
  /** Use 7 of the 8 bits. */
  reduceRange?: boolean;
  /** Least scale of each channel, from {@link leastScales}. */
  atLeast?: Float32Array;
}

export function quantizeWeight(view: ChannelView, options: WeightOptions = {}): QuantizedWeight {
  const magnitudes = channelMagnitudes(view);
  const whole = magnitudes.reduce((a, b) => Math.max(a, b), 0);
  const scales = (options.perTensor ? Float64Array.of(whole) : magnitudes).map((most, channel) => {
    const found = options.reduceRange ? reducedParams(most) : symmetricParams(-most, most, int8);
    return Math.max(found.scale, options.atLeast?.[channel] ?? 0);
  });
  const values = new Int8Array(view.values.length);
  const { channels, inner } = view;
  for (let row = 0; row < view.outer * channels; row++) {
    const params: QuantParams = { type: int8, scale: scales[row % scales.length] as number, zeroPoint: 0 };
    quantizeInto(values, view.values, params, row * inner, (row + 1) * inner);
  }
  return { values, scales: Float32Array.from(scales) };
}

/** A bias beyond 32 bits would be clipped without a word: the weight's scale is raised until it fits. */
const largestBias = 2 ** 31 - 1;

/** Least weight scale of each channel so that `bias` fits INT32 at `inputScale`. */
export function leastScales(bias: Float32Array, inputScale: number, perTensor: boolean): Float32Array {
  const least = bias.map((value) => nextUp(Math.abs(value) / (inputScale * largestBias)));
  return perTensor ? Float32Array.of(least.reduce((a, b) => Math.max(a, b), 0)) : least;
}

/** The FP32 number above, so that rounding the scale cannot bring the overflow back. */
function nextUp(value: number): number {
  const bits = new Uint32Array(Float32Array.of(value).buffer);
  return value === 0 ? 0 : (new Float32Array(Uint32Array.of((bits[0] as number) + 1).buffer)[0] as number);
}

export function quantizeBias(bias: Float32Array, inputScale: number, weightScales: Float32Array) {
  const scales = Float32Array.from(
    bias,
    (_, i) => inputScale * (weightScales[weightScales.length === 1 ? 0 : i] as number),
  );
  const values = Int32Array.from(bias, (value, i) => {
    const q = rintEven(value / (scales[i] as number));
    return Math.max(-largestBias - 1, Math.min(largestBias, q));
  });
  return { values, scales };
}
