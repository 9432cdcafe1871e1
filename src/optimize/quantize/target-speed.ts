// SPDX-License-Identifier: Apache-2.0
// Original and result timed on the provider they are meant for, where this machine has it.
import { OrtserveError } from "../../errors.js";
import type { PredictInputs } from "../../runtime/inputs.js";
import type { ProviderChoice } from "../../runtime/model-options.js";
import { compareLoaded, type SpeedComparison } from "../judge/speed.js";
import type { OnnxModel } from "../onnx/model-file.js";
import type { Workbench } from "../run/workbench.js";
import type { Target } from "./target.js";

/** What the original is compared on is the best that the provider can do without the change: FP16 on TensorRT. */
const providers: Readonly<Record<Target, readonly [before: ProviderChoice, after: ProviderChoice]>> = {
  cpu: ["cpu", "cpu"],
  tensorrt: [
    { name: "tensorrt", required: true, options: { trt_fp16_enable: true } },
    { name: "tensorrt", required: true, options: { trt_fp16_enable: true, trt_int8_enable: true } },
  ],
  cuda: [
    { name: "cuda", required: true },
    { name: "cuda", required: true },
  ],
};

export async function timeOnTarget(
  bench: Workbench,
  original: string,
  result: OnnxModel,
  inputs: PredictInputs,
  resultInputs: PredictInputs,
  target: Target,
): Promise<{ speed: SpeedComparison | undefined; warnings: string[] }> {
  const [first, second] = providers[target];
  try {
    const speed = await compareLoaded(
      bench,
      { source: original, inputs, providers: [first] },
      { source: result, inputs: resultInputs, providers: [second] },
    );
    return { speed, warnings: [] };
  } catch (error) {
    if (!(error instanceof OrtserveError) || error.code !== "ERR_PROVIDER_UNAVAILABLE") throw error;
    return { speed: undefined, warnings: [`not timed: ${error.message}`] };
  }
}
