// SPDX-License-Identifier: Apache-2.0
// One model of the repository over time: which of its versions are loaded, and how one set of them replaces another.
import type { OrtserveError } from "../errors.js";
import type { ModelConfig } from "./model-config.js";
import { compareVersions, type RepositoryEntry, type VersionEntry } from "./repository.js";
import type { IndexEntry } from "./repository-admin.js";
import type { RouteTable, VersionStatus } from "./route-table.js";
import { makeServable, type Servable } from "./servable.js";
import { type LoadedVersion, VersionLoader } from "./version-loader.js";

/** What happened to one version (or, with version "", to one model as a whole). */
export type LoadEvent =
  | { kind: "loaded"; name: string; version: string; millis: number; servable: Servable }
  | { kind: "failed"; name: string; version: string; error: Error }
  | { kind: "unloaded"; name: string; version: string };

/** What the lifecycles of one repository share. */
export interface LifecycleContext {
  readonly table: RouteTable;
  readonly loader: VersionLoader;
  onEvent(event: LoadEvent): void;
}

type Outcome = { version: string; loaded: LoadedVersion } | { version: string; error: Error };

export class ModelLifecycle {
  readonly name: string;
  readonly #context: LifecycleContext;
  #loaded: ReadonlyMap<string, LoadedVersion> = new Map();
  readonly #others = new Map<string, VersionStatus>();
  /** Why the last load did not replace what is served: by version, "" for the model as a whole. */
  #failures = new Map<string, string>();
  #config: ModelConfig = {};
  #queue: Promise<unknown> = Promise.resolve();
  #queued = 0;
  readonly #closing = new Set<Promise<void>>();

  constructor(name: string, context: LifecycleContext) {
    this.name = name;
    this.#context = context;
  }

  /** Whether any version takes requests. */
  get serving(): boolean {
    return this.#loaded.size > 0;
  }

  /** Whether there is anything to say about it. */
  get known(): boolean {
    return this.serving || this.#others.size > 0 || this.#failures.size > 0;
  }

  /** Whether no work on it is in progress or asked for. */
  get idle(): boolean {
    return this.#queued === 0;
  }

  /** Loads and unloads of one model happen one after the other. */
  serial<T>(work: () => Promise<T>): Promise<T> {
    this.#queued++;
    const done = this.#queue.then(work).finally(() => {
      this.#queued--;
    });
    this.#queue = done.catch(() => {});
    return done;
  }

  /**
   * Makes the versions that `entry` selects the ones that are served; those whose files and configuration are unchanged stay
   * as they are. What is served goes on until all of the new is ready, and for good when this rejects. `partly`: where nothing
   * is served yet, whatever loads is served, though the rest does not. An event has told of what this rejects with.
   */
  async update(entry: RepositoryEntry, partly: boolean): Promise<void> {
    const failure = await this.#update(entry, partly).catch(async (error: Error) => {
      this.fail(error);
      await this.#endLoading(error).catch(() => {}); // what is told is why it came to this
      return error;
    });
    if (failure) throw failure;
  }

  /** Resolves to the first error of a version, which an event has told of by then. */
  async #update(entry: RepositoryEntry, partly: boolean): Promise<Error | undefined> {
    const selected = entry.versions;
    const isKept = (version: VersionEntry) =>
      this.#loaded.get(version.version)?.identity === VersionLoader.identity(entry, version);
    const fresh = selected.filter((version) => !isKept(version));
    this.#forgetUnloaded();
    for (const { version } of fresh) this.#others.set(version, { version, state: "LOADING", reason: "" });
    if (fresh.length > 0) await this.#publish();

    const outcomes = await Promise.all(fresh.map((version) => this.#attempt(entry, version)));
    this.#failures = new Map();
    this.#markIncomplete(entry);
    for (const outcome of outcomes) if ("error" in outcome) this.#failed(outcome.version, outcome.error);
    const failure = outcomes.find((outcome) => "error" in outcome);
    if (failure && (!partly || this.serving)) {
      await this.#abandon(outcomes);
      return failure.error;
    }
    const kept = selected.filter(isKept).map(({ version }) => this.#described(entry, version));
    const loaded = outcomes.flatMap((outcome) => ("loaded" in outcome ? [outcome.loaded] : []));
    this.#config = entry.config;
    await this.#replace([...kept, ...loaded]);
    return this.serving ? undefined : failure?.error;
  }

  /** Something is wrong with the model as a whole: what is served goes on. */
  fail(error: Error): void {
    this.#failures = new Map([["", error.message]]);
    this.#context.onEvent({ kind: "failed", name: this.name, version: "", error });
  }

  /** Resolves when no request reaches the model any more; what is in flight is answered after that, see {@link drained}. */
  async unload(): Promise<void> {
    this.#failures = new Map();
    for (const { version } of this.#others.values()) this.#others.set(version, unloaded(version));
    await this.#replace([]);
  }

  /** Leaves nothing to say about a model that was unloaded, unless something else has become of it meanwhile. */
  async forget(): Promise<void> {
    if (this.serving || this.#failures.size > 0) return;
    this.#others.clear();
    await this.#context.table.forget(this.name);
  }

  /** Everything that was taken out of service has answered its requests and is freed. */
  async drained(): Promise<void> {
    await Promise.all(this.#closing);
  }

  /** Closes every version, after the work in progress. */
  close(): Promise<void> {
    return this.serial(async () => {
      const loaded = [...this.#loaded.values()];
      this.#loaded = new Map();
      await Promise.all([...loaded.map((version) => version.close()), this.drained()]);
    });
  }

  index(): IndexEntry[] {
    const { name } = this;
    const whole = this.#failures.get("") ?? "";
    const versions = [...new Set([...this.#loaded.keys(), ...this.#others.keys()])].sort(compareVersions);
    if (versions.length === 0) return [whole === "" ? { name } : { name, state: "UNAVAILABLE", reason: whole }];
    return versions.map((version) => {
      const loaded = this.#loaded.get(version);
      const other = this.#others.get(version);
      if (!loaded) return { name, version, state: other?.state ?? "UNAVAILABLE", reason: other?.reason ?? "" };
      const failure = this.#failures.get(version) ?? whole;
      const reasons = [...loaded.servable.notes, ...(failure === "" ? [] : [`the last load failed: ${failure}`])];
      return { name, version, state: "READY", reason: reasons.join("; ") };
    });
  }

  async #attempt(entry: RepositoryEntry, version: VersionEntry): Promise<Outcome> {
    try {
      return { version: version.version, loaded: await this.#context.loader.load(entry, version) };
    } catch (error) {
      return { version: version.version, error: error as Error };
    }
  }

  #failed(version: string, error: Error): void {
    this.#failures.set(version, error.message);
    this.#others.set(version, { version, state: "UNAVAILABLE", reason: error.message });
    this.#context.onEvent({ kind: "failed", name: this.name, version, error });
  }

  #endLoading({ message: reason }: Error): Promise<void> {
    for (const [version, { state }] of this.#others) {
      if (state === "LOADING") this.#others.set(version, { version, state: "UNAVAILABLE", reason });
    }
    return this.#publish();
  }

  #markIncomplete({ incomplete }: { incomplete: readonly { version: string; error: OrtserveError }[] }): void {
    for (const { version, error } of incomplete) if (!this.#loaded.has(version)) this.#failed(version, error);
  }

  /** A load that brings only part of what it should replaces nothing. */
  async #abandon(outcomes: readonly Outcome[]): Promise<void> {
    const loaded = outcomes.flatMap((outcome) => ("loaded" in outcome ? [outcome.loaded] : []));
    for (const { servable } of loaded) {
      const reason = "not served, because another version of the same load failed";
      this.#others.set(servable.version, { version: servable.version, state: "UNAVAILABLE", reason });
    }
    await Promise.all(loaded.map((version) => version.close()));
    await this.#publish();
  }

  /** Versions come and go; the index tells of what the last load or unload did. */
  #forgetUnloaded(): void {
    for (const [version, { state }] of this.#others) if (state === "UNAVAILABLE") this.#others.delete(version);
  }

  /** A version that stays, with what its configuration says now about routing. */
  #described(entry: RepositoryEntry, version: string): LoadedVersion {
    const kept = this.#loaded.get(version) as LoadedVersion;
    const { name, config } = entry;
    const notes = [...entry.notes, ...kept.found];
    const before = kept.servable;
    if (JSON.stringify([before.config, before.notes]) === JSON.stringify([config, notes])) return kept;
    return { ...kept, servable: makeServable({ name, version, config, notes }, kept.servable.model) };
  }

  async #replace(next: readonly LoadedVersion[]): Promise<void> {
    const stays = new Set(next.map(({ servable }) => servable.model));
    const before = [...this.#loaded.values()];
    const retired = before.filter(({ servable }) => !stays.has(servable.model));
    const hadModel = new Set(before.map(({ servable }) => servable.model));
    const sorted = [...next].sort((a, b) => compareVersions(a.servable.version, b.servable.version));
    this.#loaded = new Map(sorted.map((version) => [version.servable.version, version]));
    for (const { servable } of next) this.#others.delete(servable.version);
    const gone = retired.map(({ servable }) => servable.version).filter((version) => !this.#loaded.has(version));
    for (const version of gone) this.#others.set(version, { version, state: "UNLOADING", reason: "" });
    await this.#publish();
    for (const { servable, millis } of sorted) {
      if (hadModel.has(servable.model)) continue;
      this.#context.onEvent({ kind: "loaded", name: this.name, version: servable.version, millis, servable });
    }
    for (const version of retired) this.#close(version);
  }

  /** No request reaches the version any more. */
  #close(loaded: LoadedVersion): void {
    const { version } = loaded.servable;
    const closing = loaded.close().then(async () => {
      this.#closing.delete(closing);
      if (this.#others.get(version)?.state !== "UNLOADING") return;
      this.#others.set(version, unloaded(version));
      this.#context.onEvent({ kind: "unloaded", name: this.name, version });
      await this.#publish();
    });
    this.#closing.add(closing);
  }

  #publish(): Promise<void> {
    const ready = [...this.#loaded.values()].map(({ servable }) => servable);
    return this.#context.table.apply({
      name: this.name,
      ready,
      defaultVersion: this.#config.default_version ?? ready.at(-1)?.version ?? "",
      labels: this.#config.version_labels ?? {},
      others: [...this.#others.values()].filter(({ version }) => !this.#loaded.has(version)),
    });
  }
}

function unloaded(version: string): VersionStatus {
  return { version, state: "UNAVAILABLE", reason: "unloaded" };
}
