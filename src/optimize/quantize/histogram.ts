// SPDX-License-Identifier: Apache-2.0
// The distribution of one tensor's values over all calibration samples, in a fixed amount of memory.
import { OrtserveError } from "../../errors.js";
import { asymmetricParams, type IntegerType, type QuantParams, roundTrip, symmetricParams } from "./arithmetic.js";

/** On each side of 0. */
const sideBins = 2048;

/**
 * Bins of equal width, a power of two, from 0 in both directions. A value beyond them doubles the width: pairs of bins then
 * become one, exactly, so that the result does not depend on the order of the samples.
 */
export class Histogram {
  min = Number.POSITIVE_INFINITY;
  max = Number.NEGATIVE_INFINITY;
  /** Values counted. */
  total = 0;
  readonly counts = new Float64Array(2 * sideBins);
  /** Of one bin. */
  width = 2 ** -40;

  /** Throws ERR_RUN_FAILED for values that are no finite numbers: a range over them means nothing. */
  add(values: Float32Array): void {
    let [low, high] = [this.min, this.max];
    for (let i = 0; i < values.length; i++) {
      const value = values[i] as number;
      if (value < low) low = value;
      if (value > high) high = value;
      if (value - value !== 0) throw new OrtserveError("ERR_RUN_FAILED", `the value ${value} came up at element ${i}`);
    }
    if (values.length === 0) return;
    [this.min, this.max] = [low + 0, high + 0]; // no negative zero
    this.#widen(Math.max(Math.abs(low), Math.abs(high)));
    const { counts } = this;
    const perWidth = 1 / this.width;
    for (let i = 0; i < values.length; i++) {
      const at = Math.floor((values[i] as number) * perWidth) + sideBins;
      counts[at] = (counts[at] as number) + 1;
    }
    this.total += values.length;
  }

  /** Value in the middle of a bin. */
  centre(bin: number): number {
    return (bin - sideBins + 0.5) * this.width;
  }

  #widen(most: number): void {
    while (most >= this.width * sideBins) {
      if (this.total > 0) mergePairs(this.counts);
      this.width *= 2;
    }
  }
}

function mergePairs(counts: Float64Array): void {
  const merged = new Float64Array(counts.length);
  for (let i = 0; i < counts.length; i++) {
    const at = Math.floor((i - sideBins) / 2) + sideBins;
    merged[at] = (merged[at] as number) + (counts[i] as number);
  }
  counts.set(merged);
}

/** How a range is chosen: all values that were seen, or what loses least when the rarest are clipped. */
export type RangeMethod = "minmax" | "mse";

export interface RangeOptions {
  readonly type: IntegerType;
  readonly symmetric: boolean;
  readonly method: RangeMethod;
}

/** Parts of the full range that are tried: 1, 0.95 ... 0.3. */
const shares = Array.from({ length: 15 }, (_, i) => 1 - 0.05 * i);

export function paramsOf(histogram: Histogram, { type, symmetric, method }: RangeOptions): QuantParams {
  const make = symmetric ? symmetricParams : asymmetricParams;
  const full = make(histogram.min, histogram.max, type);
  if (method === "minmax" || histogram.total === 0) return full;
  let [best, least] = [full, squaredError(histogram, full)];
  for (const share of shares) {
    const params = make(share * histogram.min, share * histogram.max, type);
    const error = squaredError(histogram, params);
    if (error < least) [best, least] = [params, error];
  }
  return best;
}

function squaredError(histogram: Histogram, params: QuantParams): number {
  let sum = 0;
  for (let bin = 0; bin < histogram.counts.length; bin++) {
    const count = histogram.counts[bin] as number;
    if (count === 0) continue;
    const value = histogram.centre(bin);
    sum += count * (value - roundTrip(value, params)) ** 2;
  }
  return sum;
}
