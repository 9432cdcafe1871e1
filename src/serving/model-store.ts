// SPDX-License-Identifier: Apache-2.0
// The models that are loaded, by name and version, and the faults of looking for one that is not.
import { OrtserveError } from "../errors.js";
import type { Model } from "../runtime/model.js";
import type { ModelConfig } from "./model-config.js";
import { compareVersions } from "./repository.js";

/** One version of one model, ready to take requests. */
export interface Servable {
  readonly name: string;
  readonly version: string;
  readonly model: Model;
  readonly config: ModelConfig;
  /** When the last request over a wire came, by performance.now(); 0: never. */
  lastUsedAt: number;
}

/** All versions of one model. */
export interface ServedModel {
  readonly name: string;
  /** Ascending by number. */
  readonly versions: ReadonlyMap<string, Servable>;
  /** Answers when a request names no version. */
  readonly default: Servable;
}

export class ModelStore {
  readonly #models = new Map<string, ServedModel>();
  /** Versions that are on disk and could not be loaded: known, but not ready. */
  readonly #broken = new Map<string, Set<string>>();

  get names(): string[] {
    return [...this.#models.keys()].sort();
  }

  get size(): number {
    return this.#models.size;
  }

  /** Takes over the loaded versions of one model; at least one. */
  add(name: string, servables: readonly Servable[]): void {
    const sorted = [...servables].sort((a, b) => compareVersions(a.version, b.version));
    const versions = new Map(sorted.map((servable) => [servable.version, servable]));
    const highest = sorted.at(-1);
    if (highest === undefined) throw new OrtserveError("ERR_INTERNAL", `model '${name}' was added without a version`);
    const wanted = highest.config.default_version;
    this.#models.set(name, { name, versions, default: (wanted && versions.get(wanted)) || highest });
  }

  /** Remembers a version that exists and does not load, so that asking for it is not answered "unknown". */
  addBroken(name: string, version: string): void {
    const versions = this.#broken.get(name) ?? new Set();
    this.#broken.set(name, versions.add(version));
  }

  has(name: string): boolean {
    return this.#models.has(name);
  }

  /** The only model, if there is exactly one. */
  get only(): ServedModel | undefined {
    return this.#models.size === 1 ? this.#models.values().next().value : undefined;
  }

  /** @throws OrtserveError ERR_MODEL_NOT_FOUND */
  get(name: string): ServedModel {
    const model = this.#models.get(name);
    if (model) return model;
    const reason = this.#broken.has(name) ? "has no available versions" : "is not found";
    throw new OrtserveError("ERR_MODEL_NOT_FOUND", `Request for unknown model: '${name}' ${reason}`);
  }

  /**
   * The version to run. `version` "": the default one.
   * @throws OrtserveError ERR_MODEL_NOT_FOUND, or ERR_MODEL_CLOSED for a version that exists and is not loaded.
   */
  find(name: string, version: string): Servable {
    if (version === "") return this.get(name).default;
    const broken = this.#broken.get(name)?.has(version);
    const servable = broken ? undefined : this.get(name).versions.get(version);
    if (servable) return servable;
    const subject = `Request for unknown model: '${name}' version ${version}`;
    if (broken) throw new OrtserveError("ERR_MODEL_CLOSED", `${subject} is not at ready state`);
    throw new OrtserveError("ERR_MODEL_NOT_FOUND", `${subject} is not found`);
  }

  /** Every loaded version. */
  *servables(): Generator<Servable> {
    for (const model of this.#models.values()) yield* model.versions.values();
  }

  /** Closes every model; requests in flight are answered first. */
  async close(): Promise<void> {
    await Promise.all([...this.servables()].map(({ model }) => model.close()));
  }
}
