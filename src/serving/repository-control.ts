// SPDX-License-Identifier: Apache-2.0
// The one owner of a repository's models: loads and unloads them and tells the threads that answer requests.
import { setTimeout as delay } from "node:timers/promises";
import { OrtserveError } from "../errors.js";
import { checkOptions, type OptionTable } from "../runtime/option-check.js";
import { notExplicit } from "./fixed-repository.js";
import { clearLoadFolders } from "./load-folder.js";
import { type LifecycleContext, type LoadEvent, ModelLifecycle } from "./model-lifecycle.js";
import { ModelStore } from "./model-store.js";
import { stageOverride } from "./override.js";
import { findModel, type Repository, scanRepository } from "./repository.js";
import {
  type ControlMode,
  controlModes,
  type IndexEntry,
  type LoadOverride,
  type RepositoryAdmin,
} from "./repository-admin.js";
import { type Change, RepositoryWatch } from "./repository-watch.js";
import { SharedWork } from "./shared-work.js";
import { type LoaderOptions, VersionLoader } from "./version-loader.js";

export interface ControlOptions extends LoaderOptions {
  /** Default "none". */
  control?: ControlMode;
  /** With control "explicit": models to load at the start; "*" means all. Default: none. */
  load?: readonly string[];
  /** With control "poll": time between two looks at the directory, in ms. A change is taken up at the second look. Default 2,000. */
  pollIntervalMs?: number;
  /** Fail the start when any model fails. Default: only when none could be loaded. */
  strict?: boolean;
  /** Told of every version as it is loaded, fails or is unloaded. */
  onEvent?: (event: LoadEvent) => void;
}

const controlOptionTable: OptionTable<ControlOptions> = {
  control: { kind: "choice", of: controlModes },
  load: {
    kind: "custom",
    check: (value) => (Array.isArray(value) ? undefined : "an array of model names, or *"),
  },
  pollIntervalMs: { kind: "integer", min: 10, max: 86_400_000 },
  strict: { kind: "boolean" },
  concurrency: { kind: "integer", min: 1, max: 64 },
  memoryBudget: { kind: "integer", min: 0, max: Number.MAX_SAFE_INTEGER },
  engine: { kind: "custom", check: () => undefined },
  recorder: { kind: "custom", check: () => undefined },
  onEvent: { kind: "custom", check: (value) => (typeof value === "function" ? undefined : "a function") },
};

/** How long an unload waits for the model to be idle before it answers, in ms; requests in flight may take longer. */
const unloadPatienceMs = 250;

/** Belongs to one thread. `openRepository` makes one and starts it; a server may also listen before its repository is started. */
export class RepositoryControl implements RepositoryAdmin {
  readonly control: ControlMode;
  /** This thread's routes; other threads' follow them. */
  readonly models = new ModelStore();
  readonly #path: string;
  readonly #options: ControlOptions;
  readonly #context: LifecycleContext;
  /** For the index: many may ask at once, and each look reads every model's configuration. */
  readonly #scan = new SharedWork(() => scanRepository(this.#path, true).catch(() => ({ entries: [], faults: [] })));
  readonly #lifecycles = new Map<string, ModelLifecycle>();
  /** Of the start. */
  readonly #failures: Error[] = [];
  #started = false;
  #timer: NodeJS.Timeout | undefined;
  #closing: Promise<void> | undefined;

  /** Whether {@link start} has done its work. */
  get started(): boolean {
    return this.#started;
  }

  /** @throws OrtserveError ERR_INVALID_ARGUMENT */
  constructor(path: string, options: ControlOptions = {}) {
    checkOptions("repository", options, controlOptionTable);
    this.control = options.control ?? "none";
    this.#path = path;
    this.#options = options;
    const onEvent = (event: LoadEvent) => {
      if (event.kind === "failed" && !this.#started) this.#failures.push(event.error);
      options.onEvent?.(event);
    };
    this.#context = { table: this.models, loader: new VersionLoader(options, this.control !== "none"), onEvent };
  }

  /**
   * Loads what is to be loaded at the start, and removes what loads of processes that were killed have left in the temporary directory.
   * @throws OrtserveError ERR_MODEL_NOT_FOUND (nothing there), ERR_LOAD_FAILED (nothing, or with `strict` not all, could be
   * loaded; everything that was loaded is closed again).
   */
  async start(found?: Repository): Promise<void> {
    await clearLoadFolders();
    const repository = found ?? (await scanRepository(this.#path, this.control !== "none"));
    const wanted = this.control === "explicit" ? (this.#options.load ?? []) : ["*"];
    const isWanted = ({ name }: { name: string }) => wanted.includes("*") || wanted.includes(name);
    const there = [...repository.entries, ...repository.faults];
    const missing = wanted.filter((name) => name !== "*" && !there.some((model) => model.name === name));
    const faults = missing.map((name) => ({ name, error: unknownModel(name) }));
    for (const { name, error } of [...faults, ...repository.faults.filter(isWanted)]) this.#model(name).fail(error);
    await Promise.all(
      repository.entries
        .filter(isWanted)
        .map((entry) => this.#work(entry.name, (model) => model.update(entry, true)).catch(() => {})), // told by its event
    );
    this.#started = true;
    await this.#judgeStart();
    if (this.control === "poll" && !this.#closing) this.#follow(repository);
  }

  #follow(repository: Repository): void {
    const watch = new RepositoryWatch(
      () => scanRepository(this.#path, true),
      (name, change) => void this.#changed(name, change).catch((error: Error) => this.#failed(name, error)),
      (name, error) => this.#failed(name, error),
    );
    watch.begin(repository);
    const again = () => {
      if (this.#closing) return;
      this.#timer = setTimeout(() => void watch.look().finally(again), this.#options.pollIntervalMs ?? 2000).unref();
    };
    again();
  }

  #failed(name: string, error: Error): void {
    this.#context.onEvent({ kind: "failed", name, version: "", error });
  }

  async #changed(name: string, change: Change): Promise<void> {
    await this.#work(name, async (model) => {
      if (this.#closing) return;
      if (change === undefined) await model.unload();
      else if ("error" in change) model.fail(change.error);
      else await model.update(change, true).catch(() => {}); // told by its event
    });
    if (change !== undefined || this.#closing) return;
    await this.#lifecycles.get(name)?.drained();
    await this.#work(name, (model) => model.forget());
  }

  async #judgeStart(): Promise<void> {
    if (this.#closing) return; // what is missing was given up
    const first = this.#failures[0];
    const serving = [...this.#lifecycles.values()].some((model) => model.serving);
    if (first === undefined || !(this.#options.strict || (!serving && this.control !== "poll"))) return;
    await this.close();
    const what = serving ? "not every model could be loaded" : "no model could be loaded";
    const more = this.#failures.length > 1 ? ` (and ${this.#failures.length - 1} more)` : "";
    const message = `${this.#path}: ${what}: ${first.message}${more}`;
    throw new OrtserveError("ERR_LOAD_FAILED", message, { cause: first });
  }

  async index(): Promise<IndexEntry[]> {
    const { entries, faults } = await this.#scan.run();
    const known = [...this.#lifecycles.values()].flatMap((model) => model.index());
    const names = new Set(known.map(({ name }) => name));
    const rest = [
      ...entries.map(({ name }): IndexEntry => ({ name })),
      ...faults.map(({ name, error }): IndexEntry => ({ name, state: "UNAVAILABLE", reason: error.message })),
    ];
    return [...known, ...rest.filter(({ name }) => !names.has(name))].sort((a, b) => compareText(a.name, b.name));
  }

  async load(name: string, override?: LoadOverride): Promise<void> {
    if (this.control !== "explicit") throw notExplicit();
    if (this.#closing) throw new OrtserveError("ERR_SHUTTING_DOWN", "Server exiting");
    if (name === "" || unusableName.test(name)) {
      const expected = "expected one without '/', '\\' and control characters that does not begin with '.'";
      throw new OrtserveError("ERR_INVALID_ARGUMENT", `invalid model name ${JSON.stringify(name)}: ${expected}`);
    }
    await this.#work(name, (model) => (override ? this.#loadOverride(model, override) : this.#loadFromDisk(model)));
  }

  async unload(name: string): Promise<void> {
    if (this.control !== "explicit") throw notExplicit();
    if (!this.#lifecycles.has(name)) return;
    const model = await this.#work(name, async (model) => {
      await model.unload();
      return model;
    });
    const patience = new AbortController();
    await Promise.race([model.drained(), delay(unloadPatienceMs, undefined, patience)]);
    patience.abort();
  }

  /** Ends all control and closes every model, after the loads in progress. Idempotent. */
  close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#context.loader.stop();
    this.#closing ??= Promise.all([...this.#lifecycles.values()].map((model) => model.close())).then(() => {});
    return this.#closing;
  }

  async #loadFromDisk(model: ModelLifecycle): Promise<void> {
    const found = await findModel(this.#path, model.name);
    if (found === undefined) throw unknownModel(model.name);
    if ("versions" in found) return model.update(found, false);
    model.fail(found.error);
    throw found.error;
  }

  async #loadOverride(model: ModelLifecycle, override: LoadOverride): Promise<void> {
    const staged = await stageOverride(model.name, await findModel(this.#path, model.name), override);
    try {
      await model.update(staged.entry, false);
    } finally {
      await staged.remove(); // ONNX Runtime has read the files, or still maps them
    }
  }

  /**
   * Does `work` on a model after all that was asked for before. A name of which nothing became known is dropped again, but
   * not while other work on it waits: that would go on with a lifecycle that nobody finds any more.
   */
  async #work<T>(name: string, work: (model: ModelLifecycle) => Promise<T>): Promise<T> {
    const model = this.#model(name);
    try {
      return await model.serial(() => work(model));
    } finally {
      if (model.idle && !model.known && this.#lifecycles.get(name) === model) this.#lifecycles.delete(name);
    }
  }

  #model(name: string): ModelLifecycle {
    const model = this.#lifecycles.get(name) ?? new ModelLifecycle(name, this.#context);
    this.#lifecycles.set(name, model);
    return model;
  }
}

/** No directory of a repository: a path, or what the scan passes over. */
const unusableName = /^\.|[/\\\p{Cc}]/u;

function unknownModel(name: string): OrtserveError {
  return new OrtserveError("ERR_MODEL_NOT_FOUND", `failed to load '${name}', failed to poll from model repository`);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
