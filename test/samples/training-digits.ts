// SPDX-License-Identifier: Apache-2.0
// Digits to calibrate the sample model on: some of those that it has been trained on.
import { createRequire } from "node:module";
import { npy, npz } from "../optimize/sample-files.js";
import { pixelsPerDigit } from "./held-out-digits.js";

/** Digits that the model was trained on, all classes in equal parts: every fifth of the package is held out, with remainder 4. */
export function trainingDigits(count: number): { pixels: Float32Array; labels: Int32Array } {
  const require = createRequire(import.meta.url);
  const trained: { digit: number; image: number[] }[] = [];
  let index = 0;
  for (let digit = 0; digit < 10; digit++) {
    const { data } = require(`mnist/src/digits/${digit}.json`) as { data: number[] };
    for (let start = 0; start < data.length; start += pixelsPerDigit, index++)
      if (index % 5 !== 4) trained.push({ digit, image: data.slice(start, start + pixelsPerDigit) });
  }
  const chosen = Array.from({ length: count }, (_, i) => trained[Math.floor((i * trained.length) / count)]);
  const pixels = Float32Array.from(chosen.flatMap((one) => one?.image ?? []));
  return { pixels, labels: Int32Array.from(chosen, (one) => one?.digit ?? -1) };
}

/** `count` of them as a .npz file with `image` and `labels`. */
export function trainingDigitArrays(count: number): Uint8Array {
  const { pixels, labels } = trainingDigits(count);
  return npz({ image: npy([count, 28, 28, 1], pixels), labels: npy([count], labels) });
}
