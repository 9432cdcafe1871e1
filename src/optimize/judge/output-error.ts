// SPDX-License-Identifier: Apache-2.0
// Sums over samples that tell how far one output moved.
import type { Tensor } from "../../runtime/tensor.js";
import type { OutputQuality } from "./quality.js";

/** In dB, for outputs that do not differ at all: reports have no infinity. */
export const mostSqnr = 200;

export class OutputError {
  #signal = 0;
  #noise = 0;
  #cosines = 0;
  #samples = 0;
  #rows = 0;
  #agreeing = 0;
  #nonFinite = false;

  /** Whether the tensor holds rows of scores, one per class. */
  static areScores({ datatype, shape }: Tensor): boolean {
    return datatype === "FP32" && shape.length === 2 && (shape[1] ?? 0) >= 2;
  }

  /** Index of the largest score of each row. */
  static best({ data, shape }: Tensor): number[] {
    const width = shape.at(-1) ?? 1;
    const scores = data as Float32Array;
    return Array.from({ length: scores.length / width }, (_, row) => {
      let best = 0;
      for (let i = 1; i < width; i++)
        if ((scores[row * width + i] as number) > (scores[row * width + best] as number)) best = i;
      return best;
    });
  }

  add(expected: Tensor, actual: Tensor): void {
    const [before, after] = [expected.data, actual.data] as unknown as [
      ArrayLike<number | bigint>,
      ArrayLike<number | bigint>,
    ];
    let [signal, noise, dot, other] = [0, 0, 0, 0];
    for (let i = 0; i < before.length; i++) {
      const [a, b] = [Number(before[i]), Number(after[i] ?? 0)];
      if (!Number.isFinite(a) || !Number.isFinite(b)) {
        // A masked score stays -Infinity: no noise, though the difference is NaN.
        if (Object.is(a, b)) continue;
        this.#nonFinite = true;
        noise = Number.POSITIVE_INFINITY;
        continue;
      }
      signal += a * a;
      other += b * b;
      dot += a * b;
      noise += (a - b) * (a - b);
    }
    if (after.length !== before.length) noise = Number.POSITIVE_INFINITY; // a shape that depends on values has changed
    this.#signal += signal;
    this.#noise += noise;
    const length = Math.sqrt(signal * other);
    this.#cosines += length > 0 ? dot / length : noise === 0 ? 1 : 0;
    this.#samples++;
    if (OutputError.areScores(expected)) this.#compareBest(expected, actual);
  }

  /** Whether an infinity or NaN stood on one side only, or differed: no figure can tell by how much. */
  get nonFinite(): boolean {
    return this.#nonFinite;
  }

  summary(name: string): OutputQuality {
    const exact = this.#noise === 0 ? mostSqnr : 10 * Math.log10(this.#signal / this.#noise);
    const sqnr = Math.max(-mostSqnr, Math.min(mostSqnr, exact));
    const agreement = this.#rows > 0 && { agreement: this.#agreeing / this.#rows };
    return { name, sqnr, cosine: this.#cosines / Math.max(1, this.#samples), ...agreement };
  }

  #compareBest(expected: Tensor, actual: Tensor): void {
    const [before, after] = [OutputError.best(expected), OutputError.best(actual)];
    this.#rows += before.length;
    this.#agreeing += before.filter((best, row) => best === after[row]).length;
  }
}
