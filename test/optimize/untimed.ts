// SPDX-License-Identifier: Apache-2.0
// Static quantization as quantizeModel does it, but for the comparison of speeds, which takes seconds, and for the goals.
import { openSamples } from "../../src/optimize/data/open-samples.js";
import { RequestReader } from "../../src/optimize/data/request-reader.js";
import { splitSamples } from "../../src/optimize/data/samples.js";
import { Yardstick } from "../../src/optimize/judge/quality.js";
import { writeModel } from "../../src/optimize/onnx/model-file.js";
import { judgedBy, weightBits } from "../../src/optimize/quantize/cpu-compat.js";
import { type Draft, draftOf } from "../../src/optimize/quantize/draft.js";
import type { QuantizeOptions } from "../../src/optimize/quantize/quantize.js";
import { thisMachine } from "../../src/optimize/run/machine.js";
import { normalizedModel } from "../../src/optimize/run/normalize.js";
import { Workbench } from "../../src/optimize/run/workbench.js";

/** Writes `options.output`. */
export async function quantizeUntimed(options: QuantizeOptions): Promise<Pick<Draft, "facts" | "quality">> {
  const bench = new Workbench();
  const original = await bench.load(options.model);
  const requests = new RequestReader(bench, options.model, options.requests);
  try {
    const samples = await openSamples(original.metadata.inputs, options, requests);
    const { calibration, heldOut } = splitSamples(samples, options.maxSamples ?? 32);
    const machine = thisMachine();
    const yardstick = new Yardstick(bench, options.model, heldOut, judgedBy(options, machine));
    const reduceRange = weightBits(options, machine)[0] === 7;
    const base = await normalizedModel(bench, options.model);
    const made = { bench, base, original: original.metadata, yardstick, calibration, mode: "static", options } as const;
    const quiet = { reduceRange, passes: () => true, onProgress: () => {} };
    const { model, facts, quality } = await draftOf({ ...made, ...quiet }).finally(() => yardstick.close());
    writeModel(options.output, model);
    return { facts, quality };
  } finally {
    await requests.close();
    await original.close();
    bench.close();
  }
}
