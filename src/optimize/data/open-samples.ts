// SPDX-License-Identifier: Apache-2.0
// What `--calib` names: data, or the word random.
import { existsSync } from "node:fs";
import type { TensorSpec } from "../../runtime/model.js";
import { randomInputs, type ShapeChoice } from "../run/random-inputs.js";
import { loadSamples } from "./load-samples.js";
import { requestLoaders } from "./request-loaders.js";
import type { RequestForm, RequestReader } from "./request-reader.js";
import type { Samples } from "./samples.js";

export interface SampleSource {
  /** File or directory of samples; or "random", which proves speed and size but says little of quality. */
  readonly calibration: string;
  /** Of random inputs with open dims. */
  readonly shapes?: ShapeChoice;
  /** What the model's configuration says of its requests. */
  readonly requests?: RequestForm;
}

const randomSamples = 32;

/** Whether the inputs are made up. A file of that name comes first. */
export function isMadeUp({ calibration }: SampleSource): boolean {
  return calibration === "random" && !existsSync("random");
}

/** The samples use `requests` as long as they are used. Rejects as {@link loadSamples} and {@link randomInputs} do. */
export async function openSamples(
  specs: readonly TensorSpec[],
  source: SampleSource,
  requests: RequestReader,
): Promise<Samples> {
  if (!isMadeUp(source)) return loadSamples(source.calibration, specs, requestLoaders(requests));
  const inputs = async (index: number) => randomInputs(specs, source.shapes ?? {}, index + 1);
  return { count: randomSamples, inputs, label: () => undefined };
}
