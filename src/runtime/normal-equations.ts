// SPDX-License-Identifier: Apache-2.0
// Linear least squares over more rows than fit in memory, off the event loop.
import type { NativeEquations } from "../native/equations-binding.js";
import { engineBinding } from "./engine.js";
import { nativeError } from "./native-error.js";

/** Rows are handed over in pieces of so many bytes: copying one takes well under a millisecond. */
const pieceBytes = 1 << 20;

/**
 * Finds the layer (weights and bias) that maps rows x to rows y best while staying near a given one. With each x extended by a
 * 1 for the bias: (X^T X + lambda I) W = X^T Y + lambda W0, where lambda = ratio * mean(diagonal of X^T X). Starts the engine.
 *
 * Calls run one after the other, in the order they were made, on native threads (all cores). One that fails changes nothing.
 * Memory: 4 D (D + 2 outputs) bytes, D = dimension + 1, from the first row on; the same again while solving.
 */
export class NormalEquations {
  readonly dimension: number;
  readonly outputs: number;
  readonly #native: NativeEquations;
  #last: Promise<unknown> = Promise.resolve();

  /** `dimension`: numbers of a row of x, 1 to 8192; `outputs`: of a row of y, 1 to 65536. Throws ERR_INVALID_ARGUMENT. */
  constructor(dimension: number, outputs: number) {
    try {
      this.#native = engineBinding().openEquations(dimension, outputs);
    } catch (error) {
      throw nativeError(error);
    }
    this.dimension = dimension;
    this.outputs = outputs;
  }

  /**
   * Adds rows [rows, dimension] of x and [rows, outputs] of y, both row after row. The arrays are not to be changed before the
   * promise settles. Rejects with ERR_INVALID_ARGUMENT for sizes that do not fit, ERR_INVALID_INPUT for numbers that are not
   * finite, ERR_OUT_OF_MEMORY.
   */
  add(x: Float32Array, y: Float32Array): Promise<void> {
    return this.#next(async () => {
      const rows = x.length / this.dimension;
      if (!Number.isInteger(rows) || y.length !== rows * this.outputs) return this.#native.add(x, y); // says what is wrong
      const step = Math.max(1, Math.floor(pieceBytes / (4 * (this.dimension + this.outputs))));
      for (let row = 0; row < rows; row += step) {
        const end = Math.min(rows, row + step);
        await this.#native.add(
          x.subarray(row * this.dimension, end * this.dimension),
          y.subarray(row * this.outputs, end * this.outputs),
        );
      }
    });
  }

  /**
   * The weights. `anchor` (W0) and the result: [outputs, dimension + 1], row after row: the weights of an output, then its
   * bias. May be called again, with another ratio or after more rows. Rejects with ERR_INVALID_ARGUMENT for sizes, a negative
   * ratio or no rows; ERR_SINGULAR when the rows do not determine the weights and the ratio is too small to; ERR_OUT_OF_MEMORY.
   */
  solve(anchor: Float32Array, ratio: number): Promise<Float32Array> {
    return this.#next(() => this.#native.solve(anchor, ratio));
  }

  /** Gives the memory back once the calls made so far have ended; later ones are refused. */
  close(): Promise<void> {
    return this.#next(async () => this.#native.close());
  }

  #next<T>(call: () => Promise<T>): Promise<T> {
    const result = this.#last.then(call).catch((error) => {
      throw nativeError(error);
    });
    this.#last = result.catch(() => {});
    return result;
  }
}
