// SPDX-License-Identifier: Apache-2.0
// A model quantized on random samples, and what ONNX Runtime makes of it.
import { Graph } from "../../src/optimize/onnx/graph.js";
import type { OnnxModel } from "../../src/optimize/onnx/model-file.js";
import { calibrate } from "../../src/optimize/quantize/calibrate.js";
import { type FusionProof, proveFusion } from "../../src/optimize/quantize/fusion-proof.js";
import { type Placement, placePairs } from "../../src/optimize/quantize/placement.js";
import { paramsOf } from "../../src/optimize/quantize/range.js";
import { profiles, type TargetProfile } from "../../src/optimize/quantize/target.js";
import { writePairs } from "../../src/optimize/quantize/write-pairs.js";
import { normalizedModel } from "../../src/optimize/run/normalize.js";
import { randomInputs } from "../../src/optimize/run/random-inputs.js";
import { Workbench } from "../../src/optimize/run/workbench.js";
import { writeDraft } from "./model-files.js";

let drafts = 0;

export async function withModel<T>(
  bytes: Uint8Array,
  use: (bench: Workbench, model: OnnxModel) => Promise<T>,
): Promise<T> {
  const bench = new Workbench();
  try {
    return await use(bench, await normalizedModel(bench, writeDraft(`placed-${++drafts}.onnx`, bytes)));
  } finally {
    bench.close();
  }
}

/** With pairs where a profile wants them, and ranges from two random samples, `widen` times as wide. */
export async function withPairs(
  bench: Workbench,
  model: OnnxModel,
  profile: TargetProfile = profiles.cpu,
  widen = 1,
): Promise<{ draft: OnnxModel; placement: Placement }> {
  const session = await bench.load(model);
  const specs = session.metadata.inputs;
  await session.close();
  const samples = { count: 2, inputs: async (i: number) => randomInputs(specs, {}, i), label: () => undefined };
  const placement = placePairs(new Graph(model), profile, new Set());
  const found = await calibrate(bench, model, [...new Set(placement.tensors.values())], samples);
  const range = { type: profile.activations, symmetric: profile.symmetric, method: "minmax" } as const;
  const params = new Map(
    [...found].map(([name, histogram]) => {
      const exact = paramsOf(histogram, range);
      return [name, { ...exact, scale: Math.fround(exact.scale * widen) }] as const;
    }),
  );
  return { draft: writePairs(model, placement, { profile, params, weights: {} }), placement };
}

/** Quantizes with a profile and tells what runs. */
export function proof(bytes: Uint8Array, profile?: TargetProfile, widen?: number): Promise<FusionProof> {
  return withModel(bytes, async (bench, model) => {
    const { draft, placement } = await withPairs(bench, model, profile, widen);
    return proveFusion(bench, draft, placement.float);
  });
}
