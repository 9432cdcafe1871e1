// SPDX-License-Identifier: Apache-2.0
// What `prune` would leave, without data: which channels go depends on samples, how many on the graph.
import type { PredictInputs } from "../../runtime/inputs.js";
import { type OnnxModel, weightBytes } from "../onnx/model-file.js";
import { Allocation, defaultSparsity } from "../prune/allocate.js";
import { CostModel } from "../prune/cost.js";
import { scoreUnits } from "../prune/importance.js";
import { removeChannels } from "../prune/surgery.js";
import { traceChannels } from "../prune/trace.js";
import type { Workbench } from "../run/workbench.js";

/** Of `prune` with its defaults: half of the channels, aligned. Quality decides whether so many can go. */
export interface PruneForecast {
  /** Groups of channels that go together. */
  readonly groups: number;
  /** Channels of their layers. */
  readonly channels: number;
  /** Share of these that would go. */
  readonly sparsity: number;
  /** Multiply-accumulates of one run that would be left. */
  readonly macs: number;
  /** Of the model file that would be left. */
  readonly bytes: number;
  /** Tensors whose channels must stay, with the reason. */
  readonly obstacles: Readonly<Record<string, string>>;
}

/** `model`: normalized; `bytes`: of its file as it is. Undefined where no channel could go. */
export async function forecastPruning(
  bench: Workbench,
  model: OnnxModel,
  bytes: number,
  inputs: PredictInputs,
): Promise<PruneForecast | undefined> {
  const { deps, runs } = await traceChannels(bench, model, inputs);
  const allocation = new Allocation(deps, scoreUnits(deps, undefined), [], {});
  const removal = allocation.find((candidate) => allocation.share(candidate) >= defaultSparsity);
  const sparsity = allocation.share(removal);
  if (sparsity === 0) return undefined;
  const saved = weightBytes(model.proto) - weightBytes(removeChannels(model, deps, removal).proto);
  return {
    groups: deps.groups.length,
    channels: allocation.channels,
    sparsity,
    macs: new CostModel(deps, runs).after(removal),
    bytes: Math.max(0, bytes - saved),
    obstacles: Object.fromEntries(deps.obstacles),
  };
}
