// SPDX-License-Identifier: Apache-2.0
// Brings one version of a model into memory, or leaves nothing behind.
import { realpath } from "node:fs/promises";
import { OrtserveError } from "../errors.js";
import type { EngineOptions } from "../runtime/engine.js";
import { Model } from "../runtime/model.js";
import { LoadLimit } from "./load-limit.js";
import { MemoryBudget, type Release } from "./memory-budget.js";
import { modelOptions } from "./model-options-of-config.js";
import { inPlace, privateCopy } from "./private-copy.js";
import type { RepositoryEntry, VersionEntry } from "./repository.js";
import { makeServable, type Servable } from "./servable.js";
import type { Recorded, TrafficRecorder } from "./traffic-recorder.js";
import { checkTensors } from "./triton/tensor-checks.js";
import { warmUp } from "./warm-up.js";

export interface LoaderOptions {
  /** Loads in progress at once. Default 2. */
  concurrency?: number;
  /** Bytes that the weights of all models may take; 0: no bound. Default 0. */
  memoryBudget?: number;
  /** Options of the process-wide engine. */
  engine?: EngineOptions;
  /** Records what models run on. */
  recorder?: TrafficRecorder;
}

/** A version in memory. */
export interface LoadedVersion {
  readonly servable: Servable;
  /** Of the files, and of the configuration as far as it shapes the load. */
  readonly identity: string;
  /** What of its configuration the model itself does not confirm, one sentence each. */
  readonly found: readonly string[];
  /** How long the load took. */
  readonly millis: number;
  /** Lets requests in flight finish and frees the memory. */
  close(): Promise<void>;
}

export class VersionLoader {
  readonly #limit: LoadLimit;
  readonly #budget: MemoryBudget;
  readonly #engine: EngineOptions | undefined;
  readonly #recorder: TrafficRecorder | undefined;
  readonly #mayChange: boolean;
  #stopped = false;

  /** @param mayChange whether files may be written to while they are served */
  constructor({ concurrency = 2, memoryBudget = 0, engine, recorder }: LoaderOptions, mayChange: boolean) {
    this.#mayChange = mayChange;
    this.#limit = new LoadLimit(concurrency);
    this.#budget = new MemoryBudget(memoryBudget);
    this.#engine = engine;
    this.#recorder = recorder;
  }

  /** Loads that have not begun are refused from now on. */
  stop(): void {
    this.#stopped = true;
  }

  /** What of a version's description decides whether it must be loaded again. */
  static identity({ config, checks }: RepositoryEntry, { path, digest }: VersionEntry): string {
    const { default_version: _1, version_labels: _2, versions: _3, ...shaping } = config;
    return JSON.stringify([path, digest, shaping, checks]);
  }

  /** @throws OrtserveError of Model.load, ERR_OUT_OF_MEMORY (budget), ERR_SHUTTING_DOWN */
  load(entry: RepositoryEntry, version: VersionEntry): Promise<LoadedVersion> {
    return this.#limit.run(() => {
      if (this.#stopped) throw new OrtserveError("ERR_SHUTTING_DOWN", "Server exiting");
      return this.#load(entry, version);
    });
  }

  async #load(entry: RepositoryEntry, { version, path, digest, bytes }: VersionEntry): Promise<LoadedVersion> {
    const startedAt = performance.now();
    const { name, config, notes } = entry;
    const options = { ...modelOptions(name, version, config, this.#engine), revision: digest };
    const place = this.#mayChange ? await privateCopy(path) : inPlace(path);
    const file = await realpath(place.path).catch(() => path); // where it is not there, the load says so
    const key = weightsKey(file, digest, options);
    let release: Release = () => {};
    let model: Model | undefined;
    try {
      release = this.#budget.reserve(`model '${name}' version ${version}`, key, bytes);
      model = await Model.load(place.path, options);
      const found = [...checkTensors(model.metadata, entry.checks), ...(place.note ? [place.note] : [])];
      await warmUp(model, config, entry.source);
      const recording = config.record === false ? undefined : await this.#recorder?.start(name, version, model);
      if (recording?.note !== undefined) found.push(recording.note);
      return {
        servable: makeServable({ name, version, config, notes: [...notes, ...found] }, model),
        identity: VersionLoader.identity(entry, { version, path, digest, bytes }),
        found,
        millis: performance.now() - startedAt,
        close: () => closeModel(model as Model, release, recording),
      };
    } catch (error) {
      await model?.close();
      release();
      throw place.explain(error);
    } finally {
      await place.remove();
    }
  }
}

/** Of requests in flight samples are taken, too. */
async function closeModel(model: Model, release: Release, recording: Recorded | undefined): Promise<void> {
  await model.close();
  await recording?.close();
  release();
}

/** Loads with the same key share one copy of the weights. */
function weightsKey(path: string, digest: string, options: ReturnType<typeof modelOptions>): string {
  const { providers, sessionOptions, intraOpThreads, batching } = options;
  return JSON.stringify([path, digest, providers, sessionOptions, intraOpThreads, batching]);
}
