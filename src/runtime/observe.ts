// SPDX-License-Identifier: Apache-2.0
// Runs a model and counts what its outputs hold, without bringing them to JavaScript.
import { OrtserveError } from "../errors.js";
import { CacheUse, type NativeTensor } from "../native/binding.js";
import type { Histogram } from "./histogram.js";
import { type PredictInputs, prepareInputs } from "./inputs.js";
import type { Model } from "./model.js";
import { ModelPort } from "./model-port.js";
import { callSite, errorAt, nativeError } from "./native-error.js";

/**
 * Adds the values of each named output to its histogram, on native threads; outputs that are not FP32 are not counted. Resolves
 * with how many values there were, by name. Rejects as predict() does, and with ERR_RUN_FAILED, naming the tensor, for a value
 * that is no finite number: other tensors may have been counted then.
 */
export function observe(
  model: Model,
  inputs: PredictInputs,
  histograms: ReadonlyMap<string, Histogram>,
): Promise<Map<string, number>> {
  const site = callSite(observe);
  const names = [...histograms.keys()];
  return new Promise((resolve, reject) => {
    try {
      const wanted = names.map((name) => outputIndex(model, name));
      const tensors = prepareInputs(model.metadata, inputs);
      const handler = {
        outputs: (values: unknown[]) => resolve(new Map(names.map((name, i) => [name, sizeOf(values[i])]))),
        fail: (code: Parameters<typeof errorAt>[1], message: string) => reject(errorAt(site, code, message)),
      };
      const native = [...histograms.values()].map((histogram) => histogram.native);
      ModelPort.current().predict(model, tensors, wanted, false, 0, handler, CacheUse.bypass, native);
    } catch (error) {
      reject(nativeError(error, site));
    }
  });
}

function outputIndex({ metadata }: Model, name: string): number {
  const index = metadata.outputs.findIndex((output) => output.name === name);
  if (index >= 0) return index;
  throw new OrtserveError("ERR_INVALID_INPUT", `model '${metadata.name}' has no output '${name}'`);
}

/** In place of a value its number of elements comes, INT64 [1]. */
function sizeOf(value: unknown): number {
  const { buffer, byteOffset } = (value as NativeTensor).data as ArrayBufferView;
  return Number(new BigInt64Array(buffer, byteOffset, 1)[0]);
}
