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

export class InferenceService {
  /** The repository behind the models. */
  readonly admin: RepositoryAdmin;
  readonly #models: ModelStore;
  readonly #defaultModel: string | undefined;
  readonly #isDraining: () => boolean;

  /** @param defaultModel answers requests that name no model; without it only a lone model does. */
  constructor(
    models: ModelStore,
    defaultModel: string | undefined,
    isDraining: () => boolean,
    admin: RepositoryAdmin = new FixedRepository(models),
  ) {
    this.#models = models;
    this.admin = admin;
    this.#defaultModel = defaultModel;
    this.#isDraining = isDraining;
  }

  /** @throws OrtserveError ERR_MODEL_NOT_FOUND when nothing can answer for the default model */
  checkDefault(): void {
    if (this.#defaultModel !== undefined) this.#models.get(this.#defaultModel);
  }

  /** False from the moment shutdown begins; requests that arrive all the same are still answered. */
  get ready(): boolean {
    return !this.#isDraining();
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

  /** The version to run; `version`: a number or a label, or "" for the model's default. @throws OrtserveError ERR_MODEL_NOT_FOUND, ERR_MODEL_CLOSED */
  find(name: string, version: string): Servable {
    return this.#models.find(name, version);
  }

  /** As {@link find}, for a request that names no model. */
  findDefault(version: string): Servable {
    const name = this.#defaultModel ?? this.#models.only?.name;
    if (name !== undefined) return this.#models.find(name, version);
    const names = this.names;
    const hint = names.length > 0 ? `: name one of ${names.join(", ")}, as in /predict/${names[0]}` : "";
    throw new OrtserveError("ERR_MODEL_NOT_FOUND", `there is no default model${hint}`);
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
