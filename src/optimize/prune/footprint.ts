// SPDX-License-Identifier: Apache-2.0
// Work, size and memory of a model.
import type { PredictInputs } from "../../runtime/inputs.js";
import { prepareInputs } from "../../runtime/inputs.js";
import { peakTensorBytes } from "../inspect/memory.js";
import { ElementType } from "../onnx/messages.js";
import { allInitializers, readModel, storedBytes } from "../onnx/model-file.js";
import { tensorSize } from "../onnx/tensor-data.js";
import { multiplyAccumulates } from "../run/cost.js";
import { profileRun } from "../run/profile.js";
import type { Workbench } from "../run/workbench.js";
import type { PortCut } from "./ports.js";
import type { Footprint } from "./report-data.js";

/** Of the model in a file, from one run. `ports`: how its inputs are cut while they are decoded. */
export async function footprint(
  bench: Workbench,
  path: string,
  inputs: PredictInputs,
  ports?: PortCut,
): Promise<Footprint> {
  const model = await readModel(path);
  const session = await bench.load(path, { level: "none" });
  const given = prepareInputs(session.metadata, inputs);
  await session.close();
  const held = session.metadata.inputs.map(({ name }, i) => {
    const data = given[i]?.data ?? [];
    return [name, { data: ports && data instanceof Float32Array ? ports.cut(name, data) : data }] as const;
  });
  const runs = await profileRun(bench, path, inputs, { level: "none" });
  const weights = [...allInitializers(model.proto.graph)].filter(({ dataType }) => dataType === ElementType.float);
  return {
    macs: runs.reduce((sum, run) => sum + multiplyAccumulates(run), 0),
    parameters: weights.reduce((sum, tensor) => sum + tensorSize(tensor), 0),
    bytes: storedBytes(path, model),
    peakTensorBytes: peakTensorBytes(model, Object.fromEntries(held), runs),
  };
}
