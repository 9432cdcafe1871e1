// SPDX-License-Identifier: Apache-2.0
// One thread's routes: which version of which model answers, and the faults of asking for one that does not.
import { OrtserveError } from "../errors.js";
import { compareVersions } from "./repository.js";
import type { IndexEntry } from "./repository-admin.js";
import type { ModelRoutes, RouteTable, VersionStatus } from "./route-table.js";
import type { Servable } from "./servable.js";

export type { Servable } from "./servable.js";

/** All versions of one model that take requests. */
export interface ServedModel {
  readonly name: string;
  /** Ascending by number; never empty. */
  readonly versions: ReadonlyMap<string, Servable>;
  /** What a label, such as "stable", stands for; perhaps a version that takes no requests. */
  readonly labels: ReadonlyMap<string, string>;
  /** Answers when a request names none; it, too, may take no requests. */
  readonly defaultVersion: string;
  /** The default version where it takes requests. */
  readonly default: Servable | undefined;
}

/** The largest version that Triton's clients can name. */
const largestVersion = 2n ** 63n - 1n;

/**
 * Belongs to one thread. Routes given to {@link apply} are in force here when it returns, and in every follower when its
 * promise resolves.
 */
export class ModelStore implements RouteTable {
  readonly #applied = new Map<string, ModelRoutes>();
  readonly #followers = new Set<RouteTable>();
  readonly #models = new Map<string, ServedModel>();
  /** Of every model that is known: versions that exist and take no requests. */
  readonly #others = new Map<string, readonly VersionStatus[]>();

  /** Models that take requests. */
  get names(): string[] {
    return [...this.#models.keys()].sort();
  }

  get size(): number {
    return this.#models.size;
  }

  apply(routes: ModelRoutes): Promise<void> {
    const { name, ready, defaultVersion, labels, others } = routes;
    this.#applied.set(name, routes);
    const versions = new Map(ready.map((servable) => [servable.version, servable]));
    this.#retire(name, versions);
    this.#others.set(name, others);
    if (ready.length === 0) this.#models.delete(name);
    else {
      const named = { labels: new Map(Object.entries(labels)), default: versions.get(defaultVersion) };
      this.#models.set(name, { name, versions, defaultVersion, ...named });
    }
    return this.#inFollowers((table) => table.apply(routes));
  }

  forget(name: string): Promise<void> {
    this.#retire(name, new Map());
    this.#models.delete(name);
    this.#others.delete(name);
    this.#applied.delete(name);
    return this.#inFollowers((table) => table.forget(name));
  }

  /** Gives another thread's table what is here, now and from now on. Resolves when it has what is here now. */
  async addFollower(table: RouteTable): Promise<void> {
    this.#followers.add(table);
    await Promise.all([...this.#applied.values()].map((routes) => table.apply(routes)));
  }

  removeFollower(table: RouteTable): void {
    this.#followers.delete(table);
  }

  async #inFollowers(change: (table: RouteTable) => Promise<void>): Promise<void> {
    await Promise.all([...this.#followers].map(change));
  }

  /** Takes over the loaded versions of one model; at least one. The highest is the default, unless their config has another. */
  add(name: string, servables: readonly Servable[]): void {
    const ready = [...servables].sort((a, b) => compareVersions(a.version, b.version));
    const highest = ready.at(-1);
    if (highest === undefined) throw new OrtserveError("ERR_INTERNAL", `model '${name}' was added without a version`);
    const { default_version: defaultVersion = highest.version, version_labels: labels = {} } = highest.config;
    void this.apply({ name, ready, defaultVersion, labels, others: [] });
  }

  /** Whether the model is known, though perhaps none of its versions takes requests. */
  has(name: string): boolean {
    return this.#others.has(name);
  }

  /** The only model that takes requests, if there is exactly one. */
  get only(): ServedModel | undefined {
    return this.#models.size === 1 ? this.#models.values().next().value : undefined;
  }

  /** @throws OrtserveError ERR_MODEL_NOT_FOUND */
  get(name: string): ServedModel {
    const model = this.#models.get(name);
    if (model) return model;
    const reason = this.#others.has(name) ? "has no available versions" : "is not found";
    throw new OrtserveError("ERR_MODEL_NOT_FOUND", `Request for unknown model: '${name}' ${reason}`);
  }

  /**
   * The version to run. `wanted`: a version or a label; "": the default version.
   * @throws OrtserveError ERR_MODEL_NOT_FOUND, or ERR_MODEL_CLOSED for a version that exists and takes no requests.
   */
  find(name: string, wanted: string): Servable {
    const model = this.#models.get(name);
    if (wanted === "" && model?.default) return model.default;
    const version = wanted === "" ? model?.defaultVersion : (model?.labels.get(wanted) ?? wanted);
    const servable = version === undefined ? undefined : model?.versions.get(version);
    if (servable) return servable;
    if (model === undefined || version === wanted) throw this.#fault(name, wanted);
    const role = wanted === "" ? "its default version" : `'${wanted}'`;
    throw new OrtserveError(
      "ERR_MODEL_CLOSED",
      `Request for unknown model: '${name}' version ${version}, ${role}, is not at ready state`,
    );
  }

  /** Versions of a model that exist and take no requests. */
  others(name: string): readonly VersionStatus[] {
    return this.#others.get(name) ?? [];
  }

  #fault(name: string, wanted: string): OrtserveError {
    const others = this.#others.get(name);
    const subject = `Request for unknown model: '${name}'`;
    if (others === undefined) return new OrtserveError("ERR_MODEL_NOT_FOUND", `${subject} is not found`);
    if (wanted === "") return new OrtserveError("ERR_MODEL_NOT_FOUND", `${subject} has no available versions`);
    if (others.some(({ version }) => version === wanted)) {
      return new OrtserveError("ERR_MODEL_CLOSED", `${subject} version ${wanted} is not at ready state`);
    }
    if (/^[0-9]+$/.test(wanted) && BigInt(wanted) > largestVersion) {
      const text = `failed to get model version from specified version string '${wanted}'`;
      return new OrtserveError("ERR_INVALID_ARGUMENT", `${text}: expected at most ${largestVersion}`);
    }
    return new OrtserveError("ERR_MODEL_NOT_FOUND", `${subject} version ${wanted} is not found`);
  }

  /** Every version that is known, by name and version. */
  index(): IndexEntry[] {
    const names = [...this.#others.keys()].sort();
    return names.flatMap((name) => {
      const ready = [...(this.#models.get(name)?.versions.values() ?? [])].map(
        ({ version, notes }): IndexEntry => ({ name, version, state: "READY", reason: notes.join("; ") }),
      );
      const others = (this.#others.get(name) ?? []).map((status): IndexEntry => ({ name, ...status }));
      return [...ready, ...others].sort((a, b) => compareVersions(a.version ?? "", b.version ?? ""));
    });
  }

  /** Of each model, by name, the version to show: the default, or the highest where that takes no requests. */
  *shown(): Generator<Servable> {
    for (const name of this.names) {
      const { versions, defaultVersion } = this.get(name);
      const servable = versions.get(defaultVersion) ?? [...versions.values()].at(-1);
      if (servable) yield servable;
    }
  }

  /** Every version that takes requests. */
  *servables(): Generator<Servable> {
    for (const model of this.#models.values()) yield* model.versions.values();
  }

  /** Closes every model; requests in flight are answered first. For the owner of the models only. */
  async close(): Promise<void> {
    await Promise.all([...this.servables()].map(({ model }) => model.close()));
  }

  #retire(name: string, versions: ReadonlyMap<string, Servable>): void {
    for (const before of this.#models.get(name)?.versions.values() ?? []) {
      if (versions.get(before.version) !== before) before.retired = true;
    }
  }
}
