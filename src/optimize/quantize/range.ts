// SPDX-License-Identifier: Apache-2.0
// From the distribution of one tensor's values over all calibration samples to the range of its integers.
import type { Distribution } from "../../runtime/histogram.js";
import { asymmetricParams, type IntegerType, type QuantParams, roundTrip, symmetricParams } from "./arithmetic.js";

/** How a range is chosen: all values that were seen, or what loses least when the rarest are clipped. */
export type RangeMethod = "minmax" | "mse";

export interface RangeOptions {
  readonly type: IntegerType;
  readonly symmetric: boolean;
  readonly method: RangeMethod;
}

/** Parts of the full range that are tried: 1, 0.95 ... 0.3. */
const shares = Array.from({ length: 15 }, (_, i) => 1 - 0.05 * i);

export function paramsOf(seen: Distribution, { type, symmetric, method }: RangeOptions): QuantParams {
  const make = symmetric ? symmetricParams : asymmetricParams;
  const full = make(seen.min, seen.max, type);
  if (method === "minmax" || seen.total === 0) return full;
  let [best, least] = [full, squaredError(seen, full)];
  for (const share of shares) {
    const params = make(share * seen.min, share * seen.max, type);
    const error = squaredError(seen, params);
    if (error < least) [best, least] = [params, error];
  }
  return best;
}

function squaredError({ counts, width }: Distribution, params: QuantParams): number {
  let sum = 0;
  for (let bin = 0; bin < counts.length; bin++) {
    const count = counts[bin] as number;
    if (count === 0) continue;
    const value = (bin - counts.length / 2 + 0.5) * width; // the middle of the bin
    sum += count * (value - roundTrip(value, params)) ** 2;
  }
  return sum;
}
