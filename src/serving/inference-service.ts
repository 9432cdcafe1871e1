// SPDX-License-Identifier: Apache-2.0
// What every face of the server asks about models: which one to run, what it looks like, whether it is ready.
import { OrtserveError } from "../errors.js";
import type { TensorSpec } from "../runtime/model.js";
import { FixedRepository } from "./fixed-repository.js";
import type { ModelStore } from "./model-store.js";
import { compareVersions } from "./repository.js";
import type { RepositoryAdmin } from "./repository-admin.js";
import type { VersionState } from "./route-table.js";
import type { Servable } from "./servable.js";

/** Model metadata in the shape of the Open Inference Protocol. */
export interface ModelDescription {
  name: string;
  versions: string[];
  platform: string;
  inputs: TensorDescription[];
  outputs: TensorDescription[];
  /** Only where there is something to say: `notes` on the model's configuration. */
  parameters?: Record<string, unknown>;
}

export interface TensorDescription {
  name: string;
  datatype: string;
  /** -1 where any size is accepted. */
  shape: readonly number[];
  /** Only where there is something to say: what a sequence or map output is, names of the columns, names of the classes. */
  parameters?: Record<string, unknown>;
}

const loadingText = "the models are being loaded";

/** How far a server is in its life. */
export interface ServerPhase {
  /** The models that it was started for are being loaded. */
  readonly loading: boolean;
  /** From the moment shutdown begins. */
  readonly draining: boolean;
}

export class InferenceService {
  /** The repository behind the models. */
  readonly admin: RepositoryAdmin;
  readonly #models: ModelStore;
  readonly #defaultModel: string | undefined;
  readonly #phase: ServerPhase;

  /** @param defaultModel answers requests that name no model; without it only a lone model does. */
  constructor(
    models: ModelStore,
    defaultModel: string | undefined,
    phase: ServerPhase,
    admin: RepositoryAdmin = new FixedRepository(models),
  ) {
    this.#models = models;
    this.admin = admin;
    this.#defaultModel = defaultModel;
    this.#phase = phase;
  }

  /** @throws OrtserveError ERR_MODEL_NOT_FOUND when nothing answers for the default model, and nothing will */
  checkDefault(): void {
    const mayCome = this.admin.control !== "none";
    if (this.#defaultModel !== undefined && !mayCome) this.#models.get(this.#defaultModel);
  }

  /** Whether the models are loaded and shutdown has not begun; requests that arrive all the same are answered if they can be. */
  get ready(): boolean {
    return !this.#phase.loading && !this.#phase.draining;
  }

  /** @throws OrtserveError ERR_NOT_READY, ERR_SHUTTING_DOWN */
  checkReady(): void {
    this.checkServing();
    if (this.#phase.loading) throw new OrtserveError("ERR_NOT_READY", loadingText);
  }

  /** @throws OrtserveError ERR_SHUTTING_DOWN */
  checkServing(): void {
    if (this.#phase.draining) throw new OrtserveError("ERR_SHUTTING_DOWN", "Server exiting");
  }

  get names(): string[] {
    return this.#models.names;
  }

  has(name: string): boolean {
    return this.#models.has(name);
  }

  /** Names that stand for versions of a model. @throws OrtserveError ERR_MODEL_NOT_FOUND */
  labels(name: string): string[] {
    return [...this.#models.get(name).labels.keys()];
  }

  /** Every version of a model with its state, ascending; none where the model is not known. */
  versions(name: string): { version: string; state: VersionState; reason: string }[] {
    const ready = this.#models.names.includes(name) ? [...this.#models.get(name).versions.keys()] : [];
    const taking = ready.map((version) => ({ version, state: "READY" as const, reason: "" }));
    return [...taking, ...this.#models.others(name)].sort((a, b) => compareVersions(a.version, b.version));
  }

  /**
   * The version to run; `version`: a number or a label, or "" for the model's default.
   * @throws OrtserveError ERR_MODEL_NOT_FOUND, ERR_MODEL_CLOSED, ERR_NOT_READY (of either, while models are being loaded)
   */
  find(name: string, version: string): Servable {
    try {
      return this.#models.find(name, version);
    } catch (error) {
      throw this.#phase.loading ? new OrtserveError("ERR_NOT_READY", `${(error as Error).message} yet`) : error;
    }
  }

  /** As {@link find}, for a request that names no model. */
  findDefault(version: string): Servable {
    const name = this.#defaultModel ?? this.#models.only?.name;
    if (name !== undefined) return this.find(name, version);
    if (this.#phase.loading) throw new OrtserveError("ERR_NOT_READY", loadingText);
    const names = this.names;
    const hint = names.length > 0 ? `: name one of ${names.join(", ")}, as in /predict/${names[0]}` : "";
    throw new OrtserveError("ERR_MODEL_NOT_FOUND", `there is no default model${hint}`);
  }

  /** Of each model the version to show: see {@link ModelStore.shown}. */
  shown(): Servable[] {
    return [...this.#models.shown()];
  }

  /** `version` "": the default version, with all versions listed. */
  describe(name: string, version: string): ModelDescription {
    const servable = this.#models.find(name, version);
    const { inputs, outputs } = servable.model.metadata;
    return {
      name,
      versions: version === "" ? [...this.#models.get(name).versions.keys()] : [servable.version],
      platform: "onnxruntime_onnx",
      inputs: inputs.map((spec) => describeTensor(spec)),
      outputs: outputs.map((spec) => describeTensor(spec)),
      ...(servable.notes.length > 0 && { parameters: { notes: servable.notes } }),
    };
  }

  /**
   * The versions that a statistics request is about. `name` "": all models; `version` "": all versions.
   * @throws OrtserveError ERR_MODEL_NOT_FOUND, ERR_INVALID_ARGUMENT for a model of which nothing is ready
   */
  select(name: string, version: string): Servable[] {
    if (name === "") return [...this.#models.servables()];
    if (version !== "") return [this.#models.find(name, version)];
    if (this.#models.has(name) && !this.#models.names.includes(name)) {
      throw new OrtserveError("ERR_INVALID_ARGUMENT", `requested model '${name}' is not available`);
    }
    return [...this.#models.get(name).versions.values()];
  }
}

function describeTensor({ name, datatype, shape, kind, features }: TensorSpec): TensorDescription {
  const parameters: Record<string, unknown> = {};
  if (kind !== "tensor") parameters.kind = kind;
  if (features.length > 0) parameters.features = features;
  return { name, datatype, shape, ...(Object.keys(parameters).length > 0 && { parameters }) };
}
