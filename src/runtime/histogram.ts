// SPDX-License-Identifier: Apache-2.0
// The distribution of many numbers, counted by native code.
import type { Distribution, NativeHistogram } from "../native/histogram-binding.js";
import { nativeBinding } from "../native/load.js";
import { nativeError } from "./native-error.js";

export type { Distribution };

/**
 * Bins of equal width, a power of two, 2048 on each side of 0. A value beyond them doubles the width: pairs of bins then become
 * one, exactly, so that the result does not depend on the order in which values come. Takes 33 KB.
 */
export class Histogram {
  /** For {@link observe}. @internal */
  readonly native: NativeHistogram = nativeBinding().makeHistogram();

  /** Throws ERR_RUN_FAILED, and counts none, when one of them is no finite number: a range over it means nothing. */
  add(values: Float32Array): void {
    try {
      this.native.add(values);
    } catch (error) {
      throw nativeError(error);
    }
  }

  /** What was counted so far. */
  read(): Distribution {
    return this.native.read();
  }
}
