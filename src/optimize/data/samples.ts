// SPDX-License-Identifier: Apache-2.0
// Calibration data: a list of model inputs, read one at a time, so that its size on disk is no matter.
import { OrtserveError } from "../../errors.js";
import type { PredictInputs } from "../../runtime/inputs.js";
import type { TensorSpec } from "../../runtime/model.js";

export interface Samples {
  readonly count: number;
  /** Inputs of one sample, by name, ready for predict(). */
  inputs(index: number): Promise<PredictInputs>;
  /** Index of the right class, where the data say so. */
  label(index: number): number | undefined;
}

/** Reads one kind of calibration data. */
export interface SampleLoader {
  /** File endings it reads, such as ".npy". */
  readonly endings: readonly string[];
  /** Rejects with ERR_INVALID_INPUT when the data do not fit the inputs. */
  load(path: string, specs: readonly TensorSpec[]): Promise<Samples>;
}

/** Several sources one after another. */
export function joinSamples(parts: readonly Samples[]): Samples {
  const at = (index: number): [Samples, number] => {
    let rest = index;
    for (const part of parts) {
      if (rest < part.count) return [part, rest];
      rest -= part.count;
    }
    throw new OrtserveError("ERR_INTERNAL", `there is no sample ${index}`);
  };
  return {
    count: parts.reduce((sum, { count }) => sum + count, 0),
    inputs: (index) => {
      const [part, inner] = at(index);
      return part.inputs(inner);
    },
    label: (index) => {
      const [part, inner] = at(index);
      return part.label(inner);
    },
  };
}

/** The samples with these indices. */
export function pickSamples(samples: Samples, indices: readonly number[]): Samples {
  const at = (index: number) => indices[index] ?? -1;
  return {
    count: indices.length,
    inputs: (index) => samples.inputs(at(index)),
    label: (index) => samples.label(at(index)),
  };
}

/** Three quarters to calibrate on, spread evenly, and the rest to judge the result by; the only sample serves as both. */
export function splitSamples(samples: Samples, most: number): { calibration: Samples; heldOut: Samples } {
  const count = Math.min(samples.count, most);
  const chosen = Array.from({ length: count }, (_, i) => Math.floor((i * samples.count) / count));
  const isHeldOut = (i: number) => i % 4 === 3 || (count < 4 && i === count - 1);
  const pick = (wanted: boolean) =>
    pickSamples(
      samples,
      chosen.filter((_, i) => isHeldOut(i) === wanted),
    );
  const heldOut = pick(true);
  return { calibration: count === 1 ? heldOut : pick(false), heldOut };
}
