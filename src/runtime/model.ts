// SPDX-License-Identifier: Apache-2.0
// A loaded model: the embedding API's main class.
import { OrtserveError } from "../errors.js";
import type { NativeModel, NativeModelInfo, NativeTensorSpec } from "../native/binding.js";
import type { NativeModelStats } from "../native/stats.js";
import { engineBinding } from "./engine.js";
import { type PredictInputs, prepareInputs } from "./inputs.js";
import { MediaReader } from "./media-body.js";
import { type ModelOptions, nativeLoadOptions } from "./model-options.js";
import { ModelPort } from "./model-port.js";
import { callSite, nativeError } from "./native-error.js";
import type { OutputValue } from "./outputs.js";
import { type CallInputs, type PredictOptions, startPredict, startPrepared } from "./predict.js";
import { isPrepared, type PreparedInputs, preparedCall } from "./prepared-inputs.js";
import { Recording, type RecordOptions } from "./recording.js";
import { SharedCachePort } from "./shared-cache-port.js";
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
  /** Decodes images and sounds, where inputs take them. For src/server only. @internal */
  readonly media: MediaReader | undefined;
  /** Of a loaded model that shares its results; "" otherwise, and once it is closed. */
  #sharedDigest = "";
  /** Calls whose files are being decoded: accepted, but not yet in the native queue. */
  readonly #decoding = new Set<Promise<void>>();
  #closed = false;

  private constructor(native: NativeModel) {
    this.native = native;
    this.metadata = native.info;
    this.media = MediaReader.of(native.info);
  }

  /**
   * Loads an .onnx file. Rejects with ERR_MODEL_NOT_FOUND, ERR_LOAD_FAILED, ERR_PROVIDER_UNAVAILABLE,
   * ERR_INVALID_ARGUMENT (options), ERR_UNSUPPORTED (images without the package sharp) or ERR_LIBRARY_UNAVAILABLE.
   */
  static async load(path: string | URL, options: ModelOptions = {}): Promise<Model> {
    const site = callSite(Model.load);
    try {
      const native = nativeLoadOptions(path, options);
      const model = new Model(await engineBinding(options.engine).loadModel(native));
      model.#sharedDigest = model.native.info.sharedDigest;
      SharedCachePort.loaded(model.#sharedDigest);
      await model.media?.ready().catch(async (error: unknown) => {
        await model.close();
        throw error;
      });
      return model;
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
   * typed array without a shape gets the only shape that fits. A model with `preprocess` also takes what that says: rows of
   * named values, and files of images or sound. Rejects with ERR_INVALID_INPUT, ERR_QUEUE_FULL,
   * ERR_QUEUE_TIMEOUT, ERR_DEADLINE_EXCEEDED, ERR_CANCELLED, ERR_MODEL_CLOSED, ERR_OUT_OF_MEMORY or ERR_RUN_FAILED.
   * The result has one entry per output, a {@link Tensor} unless the model gives sequences or maps: then name the type, as in
   * `predict<{ label: Tensor; scores: Map<string, number>[] }>(...)`.
   */
  predict<T extends { [K in keyof T]: OutputValue } = Record<string, Tensor>>(
    inputs: PredictInputs | PreparedInputs,
    options: PredictOptions = {},
  ): Promise<T> {
    const site = callSite(this.predict);
    return new Promise((resolve, reject) => {
      const settled = (outputs: Record<string, OutputValue>) => resolve(outputs as unknown as T);
      const start = (call: CallInputs, given: PredictOptions) =>
        startPredict(ModelPort.current(), this, call, given, site, settled, reject);
      try {
        if (this.#closed) throw closedError(this.metadata);
        if (isPrepared(this.metadata, this.media, inputs)) {
          const take = (transfer: boolean) => preparedCall(this.metadata, this.media, inputs, transfer);
          const queued = startPrepared(this, options, site, take, start)
            .catch((error: unknown) => reject(nativeError(error, site)))
            .finally(() => this.#decoding.delete(queued));
          this.#decoding.add(queued);
        } else {
          start(prepareInputs(this.metadata, inputs as PredictInputs), options);
        }
      } catch (error) {
        reject(nativeError(error, site));
      }
    });
  }

  /**
   * Copies a share of what the model runs on into files of `directory`, which `ortserve quantize --calib` reads: the graph's
   * tensors, after `preprocess`. Results from the prediction cache are no runs. Requests neither wait nor fail for it; close the
   * recording before the model. Rejects with ERR_INVALID_ARGUMENT (the directory cannot be written to; the model is being
   * recorded already), ERR_UNSUPPORTED (inputs of BYTES or BF16) or ERR_MODEL_CLOSED.
   */
  record(directory: string, options: RecordOptions = {}): Promise<Recording> {
    if (this.#closed) return Promise.reject(closedError(this.metadata));
    return Recording.start(this, directory, options);
  }

  /** Forgets this model's results in the prediction cache. */
  flushCache(): void {
    this.native.flushCache();
  }

  /** Counters since the load. */
  stats(): ModelStats {
    return this.native.stats();
  }

  /**
   * Milliseconds until a call that is made now would be taken from the queue, by what batches cost. 0 where not even full
   * batches wait, or where their cost is not known.
   */
  backlogMillis(): number {
    return this.native.backlogMillis();
  }

  /**
   * Refuses new calls, lets those in flight finish, then frees the weights unless another load shares them. Idempotent. Waits for
   * files of this handle's calls to be decoded; calls of other handles that are still decoding reject with ERR_MODEL_CLOSED.
   */
  close(): Promise<void> {
    SharedCachePort.closed(this.#sharedDigest);
    this.#sharedDigest = "";
    this.#closed = true;
    if (this.#decoding.size === 0) return this.native.close();
    return Promise.all(this.#decoding).then(() => this.native.close());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function closedError({ name }: ModelMetadata): OrtserveError {
  return new OrtserveError("ERR_MODEL_CLOSED", `the model '${name}' is closed`);
}
