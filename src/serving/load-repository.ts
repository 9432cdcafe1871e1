// SPDX-License-Identifier: Apache-2.0
// Loads what a repository holds. One broken model does not stop the others.
import { OrtserveError } from "../errors.js";
import type { EngineOptions } from "../runtime/engine.js";
import { Model } from "../runtime/model.js";
import type { ModelOptions } from "../runtime/model-options.js";
import { type ModelConfig, providersOf } from "./model-config.js";
import { ModelStore, type Servable } from "./model-store.js";
import { type Repository, type RepositoryEntry, scanRepository } from "./repository.js";

/** What happened to one version (or, with version "", to one model as a whole) while loading. */
export type LoadEvent =
  | { kind: "loaded"; name: string; version: string; millis: number; servable: Servable }
  | { kind: "failed"; name: string; version: string; error: Error };

export interface LoadRepositoryOptions {
  /** Models that load at the same time. Default 2. */
  concurrency?: number;
  /** Fail when any model fails. Default: only when none could be loaded. */
  strict?: boolean;
  /** Options of the process-wide engine. */
  engine?: EngineOptions;
  /** Told of every version as it ends. */
  onEvent?: (event: LoadEvent) => void;
}

/**
 * Loads every version of every model of a repository, or at a path; see {@link scanRepository} for what may stand there.
 * @throws OrtserveError ERR_MODEL_NOT_FOUND (nothing there), ERR_LOAD_FAILED (nothing, or with `strict` not all, could be
 * loaded; everything that was loaded is closed again).
 */
export async function loadRepository(
  source: string | Repository,
  options: LoadRepositoryOptions = {},
): Promise<ModelStore> {
  const repository = typeof source === "string" ? await scanRepository(source) : source;
  const loading = new Loading(options);
  for (const { name, error } of repository.faults) loading.failed(name, "", error);
  const jobs = repository.entries.flatMap((entry) => entry.versions.map((version) => ({ entry, ...version })));
  const lanes = Array.from({ length: Math.max(1, options.concurrency ?? 2) }, async () => {
    for (let job = jobs.shift(); job !== undefined; job = jobs.shift()) {
      await loading.load(job.entry, job.version, job.path);
    }
  });
  await Promise.all(lanes);
  return loading.finish(repository.path);
}

class Loading {
  readonly #options: LoadRepositoryOptions;
  readonly #store = new ModelStore();
  readonly #loaded = new Map<string, Servable[]>();
  readonly #errors: Error[] = [];

  constructor(options: LoadRepositoryOptions) {
    this.#options = options;
  }

  async load(entry: RepositoryEntry, version: string, path: string): Promise<void> {
    const { name, config } = entry;
    const startedAt = performance.now();
    try {
      const model = await Model.load(path, modelOptions(entry.name, version, config, this.#options.engine));
      const servable: Servable = { name, version, model, config, lastUsedAt: 0 };
      this.#loaded.set(name, [...(this.#loaded.get(name) ?? []), servable]);
      this.#options.onEvent?.({ kind: "loaded", name, version, millis: performance.now() - startedAt, servable });
    } catch (error) {
      this.failed(name, version, error as Error);
    }
  }

  failed(name: string, version: string, error: Error): void {
    this.#errors.push(error);
    if (version !== "") this.#store.addBroken(name, version);
    this.#options.onEvent?.({ kind: "failed", name, version, error });
  }

  async finish(path: string): Promise<ModelStore> {
    for (const [name, servables] of this.#loaded) this.#store.add(name, servables);
    const first = this.#errors[0];
    if (first !== undefined && (this.#options.strict || this.#store.size === 0)) {
      await this.#store.close();
      const what = this.#store.size === 0 ? "no model could be loaded" : "not every model could be loaded";
      const more = this.#errors.length > 1 ? ` (and ${this.#errors.length - 1} more)` : "";
      throw new OrtserveError("ERR_LOAD_FAILED", `${path}: ${what}: ${first.message}${more}`, { cause: first });
    }
    return this.#store;
  }
}

/** What Model.load makes of a `config.yaml`; a 0 there means "the default" and is left out. */
export function modelOptions(name: string, version: string, config: ModelConfig, engine?: EngineOptions): ModelOptions {
  const options: { [K in keyof ModelOptions]: ModelOptions[K] | undefined } = {
    name,
    version,
    providers: config.providers && providersOf(config),
    batching: config.batching,
    features: Array.isArray(config.features) ? { "": config.features } : config.features,
    sessionOptions: config.session_options,
    instances: config.instances || undefined,
    intraOpThreads: config.intra_op_threads || undefined,
    maxBatchRows: config.max_batch_rows || undefined,
    maxDelayMs: config.max_delay_ms,
    latencyObjectiveMs: config.latency_objective_ms,
    maxRequestRows: config.max_request_rows || undefined,
    preferredBatchRows: config.preferred_batch_rows,
    padTo: config.pad_to,
    preserveOrdering: config.preserve_ordering,
    priorityLevels: config.priority?.levels,
    defaultPriority: config.priority?.default,
    queueTimeoutMs: config.queue?.timeout_ms,
    onQueueTimeout: config.queue?.on_timeout,
    maxQueueRows: config.queue?.max_rows || undefined,
    maxQueueBytes: config.queue?.max_bytes || undefined,
    inlineMicros: config.inline_micros,
    cache: cacheOption(config.cache),
    engine,
  };
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given) as ModelOptions;
}

function cacheOption(cache: ModelConfig["cache"]): ModelOptions["cache"] {
  if (typeof cache !== "object") return cache;
  return {
    ...(cache.max_bytes !== undefined && { maxBytes: cache.max_bytes }),
    ...(cache.ttl_ms !== undefined && { ttlMs: cache.ttl_ms }),
  };
}
