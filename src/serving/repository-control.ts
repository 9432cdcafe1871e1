// SPDX-License-Identifier: Apache-2.0
// The one owner of a repository's models: loads and unloads them and tells the threads that answer requests.
import { setTimeout as delay } from "node:timers/promises";
import { OrtserveError } from "../errors.js";
import { type LifecycleContext, type LoadEvent, ModelLifecycle } from "./model-lifecycle.js";
import { type Repository, type RepositoryEntry, scanRepository } from "./repository.js";
import type { IndexEntry, LoadOverride, RepositoryAdmin } from "./repository-admin.js";
import type { RouteTable } from "./route-table.js";
import { type LoaderOptions, VersionLoader } from "./version-loader.js";

/** Who decides what is loaded: nobody after the start, the directory, or the one who calls. */
export const controlModes = ["none", "poll", "explicit"] as const;
export type ControlMode = (typeof controlModes)[number];

export interface ControlOptions extends LoaderOptions {
  /** Default "none". */
  control?: ControlMode;
  /** With control "explicit": models to load at the start; "*" means all. Default: none. */
  load?: readonly string[];
  /** Fail the start when any model fails. Default: only when none could be loaded. */
  strict?: boolean;
  /** Told of every version as it is loaded, fails or is unloaded. */
  onEvent?: (event: LoadEvent) => void;
}

/** How long an unload waits for the model to be idle before it answers, in ms; requests in flight may take longer. */
const unloadPatienceMs = 250;

/** Used on one thread. */
export class RepositoryControl implements RepositoryAdmin {
  readonly control: ControlMode;
  readonly #path: string;
  readonly #options: ControlOptions;
  readonly #context: LifecycleContext;
  readonly #models = new Map<string, ModelLifecycle>();
  /** Of the start. */
  readonly #failures: Error[] = [];
  #started = false;
  #closing: Promise<void> | undefined;

  constructor(path: string, table: RouteTable, options: ControlOptions = {}) {
    this.control = options.control ?? "none";
    this.#path = path;
    this.#options = options;
    const onEvent = (event: LoadEvent) => {
      if (event.kind === "failed" && !this.#started) this.#failures.push(event.error);
      options.onEvent?.(event);
    };
    this.#context = { table, loader: new VersionLoader(options), onEvent };
  }

  /**
   * Loads what is to be loaded at the start.
   * @throws OrtserveError ERR_MODEL_NOT_FOUND (nothing there), ERR_LOAD_FAILED (nothing, or with `strict` not all, could be
   * loaded; everything that was loaded is closed again).
   */
  async start(found?: Repository): Promise<void> {
    const repository = found ?? (await scanRepository(this.#path, this.control !== "none"));
    const wanted = this.control === "explicit" ? (this.#options.load ?? []) : ["*"];
    const isWanted = ({ name }: { name: string }) => wanted.includes("*") || wanted.includes(name);
    const there = [...repository.entries, ...repository.faults];
    const missing = wanted.filter((name) => name !== "*" && !there.some((model) => model.name === name));
    for (const name of missing) this.#model(name).fail(unknownModel(name));
    for (const { name, error } of repository.faults.filter(isWanted)) this.#model(name).fail(error);
    await Promise.all(
      repository.entries.filter(isWanted).map((entry) => {
        const model = this.#model(entry.name);
        return model.serial(() => model.update(entry, true)).catch(() => {}); // told by its event
      }),
    );
    this.#started = true;
    await this.#judgeStart();
  }

  async #judgeStart(): Promise<void> {
    const first = this.#failures[0];
    const serving = [...this.#models.values()].some((model) => model.serving);
    if (first === undefined || !(this.#options.strict || (!serving && this.control !== "poll"))) return;
    await this.close();
    const what = serving ? "not every model could be loaded" : "no model could be loaded";
    const more = this.#failures.length > 1 ? ` (and ${this.#failures.length - 1} more)` : "";
    const message = `${this.#path}: ${what}: ${first.message}${more}`;
    throw new OrtserveError("ERR_LOAD_FAILED", message, { cause: first });
  }

  async index(): Promise<IndexEntry[]> {
    const { entries, faults } = await scanRepository(this.#path, true).catch(() => ({ entries: [], faults: [] }));
    const known = [...this.#models.values()].flatMap((model) => model.index());
    const names = new Set(known.map(({ name }) => name));
    const rest = [
      ...entries.map(({ name }): IndexEntry => ({ name })),
      ...faults.map(({ name, error }): IndexEntry => ({ name, state: "UNAVAILABLE", reason: error.message })),
    ];
    return [...known, ...rest.filter(({ name }) => !names.has(name))].sort((a, b) => compareText(a.name, b.name));
  }

  async load(name: string, override?: LoadOverride): Promise<void> {
    this.#requireExplicit();
    if (override) throw new OrtserveError("ERR_UNSUPPORTED", "loading with an override is not supported");
    const model = this.#model(name);
    await model.serial(async () => model.update(await this.#entry(model), false));
  }

  async unload(name: string): Promise<void> {
    this.#requireExplicit();
    const model = this.#models.get(name);
    if (model === undefined) return;
    await model.serial(() => model.unload());
    const patience = new AbortController();
    await Promise.race([model.drained(), delay(unloadPatienceMs, undefined, patience)]);
    patience.abort();
  }

  /** Ends all control and closes every model, after the loads in progress. Idempotent. */
  close(): Promise<void> {
    this.#context.loader.stop();
    this.#closing ??= Promise.all([...this.#models.values()].map((model) => model.close())).then(() => {});
    return this.#closing;
  }

  /** What is on disk for a model. @throws OrtserveError its fault, or ERR_MODEL_NOT_FOUND */
  async #entry(model: ModelLifecycle): Promise<RepositoryEntry> {
    const { entries, faults } = await scanRepository(this.#path, true);
    const entry = entries.find(({ name }) => name === model.name);
    if (entry) return entry;
    const fault = faults.find(({ name }) => name === model.name);
    if (fault === undefined && !model.known) this.#models.delete(model.name);
    if (fault === undefined) throw unknownModel(model.name);
    model.fail(fault.error);
    throw fault.error;
  }

  #requireExplicit(): void {
    if (this.control === "explicit") return;
    const reason = "explicit model load / unload is not allowed if polling is enabled";
    throw new OrtserveError("ERR_UNSUPPORTED", `${reason}: start the server with --control explicit`);
  }

  #model(name: string): ModelLifecycle {
    const model = this.#models.get(name) ?? new ModelLifecycle(name, this.#context);
    this.#models.set(name, model);
    return model;
  }
}

function unknownModel(name: string): OrtserveError {
  return new OrtserveError("ERR_MODEL_NOT_FOUND", `failed to load '${name}', failed to poll from model repository`);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
