// SPDX-License-Identifier: Apache-2.0
// Which layers suffer most from INT8, and how few of them must stay FP32.

import type { Quality, Yardstick } from "../judge/quality.js";
import type { OnnxModel } from "../onnx/model-file.js";
import type { Workbench } from "../run/workbench.js";

export interface LayerSensitivity {
  readonly name: string;
  /** Of the model's outputs when this layer alone is quantized, in dB. */
  readonly sqnr: number;
}

/** Writes the model with these layers left out of quantization. */
export type Variant = (excluded: ReadonlySet<string>) => OnnxModel;

/** Samples per layer: the order of the layers is known after a few. */
const samplesPerLayer = 4;

/** Each layer quantized alone, worst first. */
export async function rankLayers(
  bench: Workbench,
  yardstick: Yardstick,
  layers: readonly string[],
  variant: Variant,
  onLayer: (done: number, of: number) => void = () => {},
): Promise<LayerSensitivity[]> {
  const found: LayerSensitivity[] = [];
  for (const [i, name] of layers.entries()) {
    const others = new Set(layers.filter((layer) => layer !== name));
    const { sqnr } = await yardstick.measureDraft(bench, variant(others), undefined, samplesPerLayer);
    found.push({ name, sqnr });
    onLayer(i + 1, layers.length);
  }
  return found.sort((a, b) => a.sqnr - b.sqnr);
}

export interface Exclusion {
  readonly excluded: readonly string[];
  readonly model: OnnxModel;
  readonly quality: Quality;
}

/**
 * The fewest of the worst layers that must stay FP32 for the result to pass: doubles their number, then halves the step. Undefined
 * when even half of the layers do not suffice: such a model is not worth having.
 */
export async function excludeWorst(
  bench: Workbench,
  yardstick: Yardstick,
  ranking: readonly LayerSensitivity[],
  variant: Variant,
  passes: (quality: Quality) => boolean,
): Promise<Exclusion | undefined> {
  const attempt = async (count: number): Promise<Exclusion> => {
    const excluded = ranking.slice(0, count).map(({ name }) => name);
    const model = variant(new Set(excluded));
    return { excluded, model, quality: await yardstick.measureDraft(bench, model) };
  };
  const most = Math.ceil(ranking.length / 2);
  let failing = 0;
  let best: Exclusion | undefined;
  for (let count = 1; best === undefined; count = Math.min(2 * count, most)) {
    const tried = await attempt(count);
    if (passes(tried.quality)) best = tried;
    else failing = count;
    if (count === most) break;
  }
  while (best && best.excluded.length - failing > 1) {
    const tried = await attempt(Math.floor((failing + best.excluded.length) / 2));
    if (passes(tried.quality)) best = tried;
    else failing = tried.excluded.length;
  }
  return best;
}
