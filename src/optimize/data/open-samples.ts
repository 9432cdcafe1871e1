// SPDX-License-Identifier: Apache-2.0
// What `--calib` names: data, or the word random.
import { existsSync } from "node:fs";
import type { TensorSpec } from "../../runtime/model.js";
import { Tensor } from "../../runtime/tensor.js";
import { randomInputs, type ShapeChoice } from "../run/random-inputs.js";
import { loadSamples } from "./load-samples.js";
import { type PixelArithmetic, pixelArithmetic, pixelsOf, realsOf } from "./pixels.js";
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
  const pixels = pixelArithmetic(specs, source.requests?.preprocess);
  const inputs = async (index: number) => {
    const made = randomInputs(specs, source.shapes ?? {}, index + 1);
    return Object.fromEntries(Object.entries(made).map(([name, one]) => [name, asPixels(one, pixels.get(name))]));
  };
  return { count: randomSamples, inputs, label: () => undefined };
}

/** The nearest that `preprocess` would make of an image. */
function asPixels(tensor: Tensor, arithmetic: PixelArithmetic | undefined): Tensor {
  if (arithmetic === undefined) return tensor;
  const pixels = pixelsOf(tensor.data as Float32Array, tensor.shape, arithmetic);
  return new Tensor(tensor.datatype, realsOf(pixels, tensor.shape, arithmetic) as never, tensor.shape);
}
