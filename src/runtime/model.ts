// SPDX-License-Identifier: Apache-2.0
// A loaded model: the embedding API's main class.
import { OrtserveError } from "../errors.js";
import type { NativeModel, NativeModelInfo, NativeModelStats, NativeTensorSpec } from "../native/binding.js";
import { engineBinding } from "./engine.js";
import { type PredictInputs, prepareInputs } from "./inputs.js";
import { type ModelOptions, nativeLoadOptions } from "./model-options.js";
import { ModelPort } from "./model-port.js";
import { callSite, nativeError } from "./native-error.js";
import type { OutputValue } from "./outputs.js";
import { type PredictOptions, startPredict } from "./predict.js";
import type { Tensor } from "./tensor.js";

export type ModelMetadata = NativeModelInfo;
export type ModelStats = NativeModelStats;
export type TensorSpec = NativeTensorSpec;

/**
 * A model in memory. Weights are shared by every load of the same file with the same session options in the process, from
 * whatever thread; each Model has its own queue, statistics and batching.
 */
export class Model {
  /** For ModelPort and src/serving only. @internal */
  readonly native: NativeModel;
  readonly metadata: ModelMetadata;

  private constructor(native: NativeModel) {
    this.native = native;
    this.metadata = native.info;
  }

  /**
   * Loads an .onnx file. Rejects with ERR_MODEL_NOT_FOUND, ERR_LOAD_FAILED, ERR_PROVIDER_UNAVAILABLE,
   * ERR_INVALID_ARGUMENT (options) or ERR_LIBRARY_UNAVAILABLE.
   */
  static async load(path: string | URL, options: ModelOptions = {}): Promise<Model> {
    const site = callSite(Model.load);
    try {
      const native = nativeLoadOptions(path, options);
      return new Model(await engineBinding(options.engine).loadModel(native));
    } catch (error) {
      throw nativeError(error, site);
    }
  }

  /**
   * A handle on a model that another thread of this process has loaded, by its {@link id}. Throws ERR_MODEL_NOT_FOUND when it
   * is gone. Closing any handle closes the model for all.
   */
  static attach(id: number): Model {
    const native = Number.isSafeInteger(id) ? engineBinding().attachModel(id) : undefined;
    if (native === undefined) throw new OrtserveError("ERR_MODEL_NOT_FOUND", `no model with id ${id} in this process`);
    return new Model(native);
  }

  /** Identifies the model in this process; send it to a worker thread for {@link attach}. */
  get id(): number {
    return this.native.id;
  }

  /**
   * Runs the model without blocking the event loop. `inputs`: by name, or the bare value when the model has one input. A
   * typed array without a shape gets the only shape that fits. Rejects with ERR_INVALID_INPUT, ERR_QUEUE_FULL,
   * ERR_DEADLINE_EXCEEDED, ERR_CANCELLED, ERR_MODEL_CLOSED, ERR_OUT_OF_MEMORY or ERR_RUN_FAILED.
   * The result has one entry per output, a {@link Tensor} unless the model gives sequences or maps: then name the type, as in
   * `predict<{ label: Tensor; scores: Map<string, number>[] }>(...)`.
   */
  predict<T extends { [K in keyof T]: OutputValue } = Record<string, Tensor>>(
    inputs: PredictInputs,
    options: PredictOptions = {},
  ): Promise<T> {
    const site = callSite(this.predict);
    return new Promise((resolve, reject) => {
      try {
        const prepared = prepareInputs(this.metadata, inputs);
        const settled = (outputs: Record<string, OutputValue>) => resolve(outputs as unknown as T);
        startPredict(ModelPort.current(), this, prepared, options, site, settled, reject);
      } catch (error) {
        reject(nativeError(error, site));
      }
    });
  }

  /** Forgets this model's results in the prediction cache. */
  flushCache(): void {
    this.native.flushCache();
  }

  /** Counters since the load. */
  stats(): ModelStats {
    return this.native.stats();
  }

  /** Refuses new calls, lets those in flight finish, then frees the weights unless another load shares them. Idempotent. */
  close(): Promise<void> {
    return this.native.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
