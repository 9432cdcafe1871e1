// SPDX-License-Identifier: Apache-2.0
// What `--calib` names: data, or the word random.
import { existsSync } from "node:fs";
import type { TensorSpec } from "../../runtime/model.js";
import { randomInputs, type ShapeChoice } from "../run/random-inputs.js";
import { loadSamples } from "./load-samples.js";
import type { SampleLoader, Samples } from "./samples.js";

export interface SampleSource {
  /** File or directory of samples; or "random", which proves speed and size but says little of quality. */
  readonly calibration: string;
  /** Of random inputs with open dims. */
  readonly shapes?: ShapeChoice;
  readonly loaders?: readonly SampleLoader[];
}

const randomSamples = 32;

/** Whether the inputs are made up. A file of that name comes first. */
export function isMadeUp({ calibration }: SampleSource): boolean {
  return calibration === "random" && !existsSync("random");
}

/** Rejects as {@link loadSamples} and {@link randomInputs} do. */
export async function openSamples(specs: readonly TensorSpec[], source: SampleSource): Promise<Samples> {
  if (!isMadeUp(source)) return loadSamples(source.calibration, specs, source.loaders);
  const inputs = async (index: number) => randomInputs(specs, source.shapes ?? {}, index + 1);
  return { count: randomSamples, inputs, label: () => undefined };
}
