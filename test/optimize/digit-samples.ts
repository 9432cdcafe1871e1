// SPDX-License-Identifier: Apache-2.0
// Digits to calibrate on, and what a changed model makes of those that nobody has seen.
import { floats, reference, tensor } from "../reference.js";
import { argmax, heldOutDigits } from "../samples/held-out-digits.js";
import { trainingDigitArrays } from "../samples/training-digits.js";
import { networks, writeDraft } from "./model-files.js";

export function digitFile(name: string, count: number): string {
  return writeDraft(`${name}.npz`, trainingDigitArrays(count));
}

export async function scores(path: string, feed: (pixels: Float32Array, rows: number) => ReturnType<typeof floats>) {
  const { pixels, labels } = heldOutDigits();
  const { probabilities } = await reference(path, { image: feed(pixels, labels.length) });
  return probabilities?.data as Float32Array;
}
export const floatFeed = (pixels: Float32Array, rows: number) => floats([rows, 28, 28, 1], pixels);
/** For a UINT8 input whose scale is 1/255. */
export const byteFeed = (pixels: Float32Array, rows: number) =>
  tensor(
    "uint8",
    [rows, 28, 28, 1],
    Uint8Array.from(pixels, (value) => Math.round(255 * value)),
  );

export const share = (hits: readonly boolean[]) => hits.filter(Boolean).length / hits.length;

/** What `path`, made from `original`, makes of the 2,000 digits that nobody has seen. */
export async function compareDigits(path: string, feed = floatFeed, original: string = networks.digits) {
  const { labels } = heldOutDigits();
  const [before, after] = [await scores(original, floatFeed), await scores(path, feed)];
  const [first, second] = [argmax(before, 10), argmax(after, 10)];
  const noise = before.reduce((sum, value, i) => sum + (value - (after[i] as number)) ** 2, 0);
  return {
    drop: share(first.map((digit, i) => digit === labels[i])) - share(second.map((digit, i) => digit === labels[i])),
    agreement: share(first.map((digit, i) => digit === second[i])),
    sqnr: 10 * Math.log10(before.reduce((sum, value) => sum + value * value, 0) / noise),
  };
}
