// SPDX-License-Identifier: Apache-2.0
// Pages of handwritten digits, as a text detector sees them, and the measure of how well two detections agree.
import { reproducibleNumbers } from "../../bench/models/graph.js";
import { heldOutDigits, pixelsPerDigit } from "../samples/held-out-digits.js";

const digits = heldOutDigits();
/** Of ImageNet, by which PP-OCR normalizes. */
const [mean, deviation] = [
  [0.485, 0.456, 0.406],
  [0.229, 0.224, 0.225],
] as const;

/** One page [1, 3, side, side], normalized: lines of dark digits, twice their size, on light paper. */
export function digitPage(seed: number, side: number): Float32Array {
  const grey = new Float32Array(side * side).fill(0.92);
  const random = reproducibleNumbers(seed, 4000);
  let next = 0;
  const upTo = (most: number) => Math.floor(((random[next++ % random.length] as number) + 1) * 0.5 * most);
  for (let y = 12; y + 56 < side; y += 72 + upTo(24)) {
    const end = side - 70 - upTo(side / 2);
    for (let x = 10 + upTo(60); x < end; x += 40 + upTo(6))
      draw(grey, side, x, y + upTo(4), upTo(digits.labels.length));
  }
  return Float32Array.from({ length: 3 * side * side }, (_, i) => {
    const channel = Math.floor(i / (side * side));
    return ((grey[i % (side * side)] as number) - (mean[channel] as number)) / (deviation[channel] as number);
  });
}

function draw(grey: Float32Array, side: number, left: number, top: number, digit: number): void {
  for (let y = 0; y < 56; y++) {
    for (let x = 0; x < 56; x++) {
      const ink = digits.pixels[digit * pixelsPerDigit + Math.floor(y / 2) * 28 + Math.floor(x / 2)] as number;
      const at = (top + y) * side + left + x;
      if (left + x < side && top + y < side) grey[at] = Math.min(grey[at] as number, 0.92 - 0.85 * ink);
    }
  }
}

/** Of a line: what PP-OCR reads is 48 pixels high. */
export const lineHeight = 48;

/** One line [1, 3, 48, width] of digits that fill it, dark on white, normalized to -1 .. 1; and what it says. */
export function digitLine(seed: number, width: number): { values: Float32Array; text: string } {
  const side = 40;
  const grey = new Float32Array(lineHeight * width).fill(1);
  const random = reproducibleNumbers(seed, 64);
  let next = 0;
  const upTo = (most: number) => Math.floor(((random[next++ % random.length] as number) + 1) * 0.5 * most);
  let text = "";
  for (let left = 2 + upTo(6); left + side < width - 2; left += 26 + upTo(4)) {
    const digit = upTo(digits.labels.length);
    text += digits.labels[digit];
    const top = 4 + upTo(3);
    for (let at = 0; at < side * side; at++) {
      const [x, y] = [at % side, Math.floor(at / side)];
      const place = (top + y) * width + left + x;
      const ink = inkAt(digit, (x * 27) / (side - 1), (y * 27) / (side - 1));
      grey[place] = Math.min(grey[place] as number, 1 - 0.95 * ink);
    }
  }
  const plane = grey.length;
  return { values: Float32Array.from({ length: 3 * plane }, (_, i) => 2 * (grey[i % plane] as number) - 1), text };
}

/** Between the pixels of a digit, linearly. */
function inkAt(digit: number, x: number, y: number): number {
  const [left, top] = [Math.min(26, Math.floor(x)), Math.min(26, Math.floor(y))];
  const pixel = (dx: number, dy: number) =>
    digits.pixels[digit * pixelsPerDigit + (top + dy) * 28 + left + dx] as number;
  const along = (dy: number) => pixel(0, dy) * (1 - (x - left)) + pixel(1, dy) * (x - left);
  return along(0) * (1 - (y - top)) + along(1) * (y - top);
}

/** Share of text pixels that two score maps have in common, at the threshold that PP-OCR uses. */
export function intersectionOverUnion(a: ArrayLike<number>, b: ArrayLike<number>, threshold = 0.3): number {
  let [both, either] = [0, 0];
  for (let i = 0; i < a.length; i++) {
    const [first, second] = [(a[i] as number) > threshold, (b[i] as number) > threshold];
    if (first && second) both++;
    if (first || second) either++;
  }
  return either === 0 ? 1 : both / either;
}
