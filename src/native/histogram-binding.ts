// SPDX-License-Identifier: Apache-2.0
// The part of the addon's surface that counts values: `native/core/histogram.h`.

export interface Distribution {
  /** Above `max` when there was no value. */
  readonly min: number;
  readonly max: number;
  /** Values counted. */
  readonly total: number;
  /** Of one bin: a power of two. */
  readonly width: number;
  /** By bin, half of them below 0: bin i holds what lies from (i - length / 2) * width on, up to the next. */
  readonly counts: Float64Array;
}

export interface NativeHistogram {
  /** Counts all, or none: throws ERR_RUN_FAILED for a value that is not finite. */
  add(values: Float32Array): void;
  /** A copy. */
  read(): Distribution;
}
