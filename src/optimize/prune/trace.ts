// SPDX-License-Identifier: Apache-2.0
// The channels of a model, from one run of it for the shapes.
import type { PredictInputs } from "../../runtime/inputs.js";
import { prepareInputs } from "../../runtime/inputs.js";
import type { OnnxModel } from "../onnx/model-file.js";
import { type NodeRun, profileRun } from "../run/profile.js";
import type { Workbench } from "../run/workbench.js";
import { type Dependencies, type DependencyOptions, findDependencies } from "./dependencies.js";

export interface Trace {
  readonly deps: Dependencies;
  readonly runs: readonly NodeRun[];
}

/** `model`: normalized, so that every node has a name of its own. Rejects as predict() does. */
export async function traceChannels(
  bench: Workbench,
  model: OnnxModel,
  inputs: PredictInputs,
  options: DependencyOptions = {},
): Promise<Trace> {
  const runs = await profileRun(bench, model, inputs, { level: "none" });
  const session = await bench.load(model, { level: "none" });
  const given = prepareInputs(session.metadata, inputs);
  await session.close();
  const shapes = session.metadata.inputs.map(({ name }, i) => [name, given[i]?.dims ?? []] as const);
  return { deps: findDependencies(model, runs, new Map(shapes), options), runs };
}
