// SPDX-License-Identifier: Apache-2.0
// The server: listens, serves, drains, closes.
import { setTimeout as delay } from "node:timers/promises";
import { OrtserveError } from "../errors.js";
import { ModelPort } from "../runtime/model-port.js";
import { InferenceService } from "../serving/inference-service.js";
import { ModelStore } from "../serving/model-store.js";
import type { RepositoryControl } from "../serving/repository-control.js";
import { AccessLog } from "./access-log.js";
import type { WirePort } from "./context.js";
import { type FrontEnd, LocalFrontEnd } from "./front-end.js";
import { shareLogLevel } from "./log-level.js";
import { type ServerOptions, type Settings, settingsOf } from "./options.js";
import { SharedState } from "./shared-state.js";
import { HttpThreads } from "./threads/http-threads.js";

/** Runs whose clients have been cut off get this long to end, in ms. */
const runGraceMs = 1000;

export class OrtServer {
  readonly #settings: Settings;
  readonly #models: ServerOptions["models"];
  readonly #state: SharedState;
  readonly #frontEnd: FrontEnd;
  readonly #service: InferenceService;
  readonly #unshareLogLevel: () => void;
  #port = 0;
  #listened = false;
  #closing: Promise<void> | undefined;

  /** @internal Use {@link createServer}. @param port of this thread, for a server that has no threads of its own */
  constructor(options: ServerOptions, port?: WirePort) {
    this.#settings = settingsOf(options);
    this.#models = options.models;
    this.#state = new SharedState(this.#settings.httpThreads);
    const control = options.models instanceof ModelStore ? undefined : options.models;
    const store = control?.models ?? (options.models as ModelStore);
    this.#service = new InferenceService(store, options.defaultModel, this.#state, control);
    if (control?.started === false) this.#state.loading = true;
    else this.#service.checkDefault();
    this.#frontEnd = this.#makeFrontEnd(store, control, options, port);
    this.#unshareLogLevel = shareLogLevel(options.logger, this.#state);
  }

  #makeFrontEnd(
    models: ModelStore,
    control: RepositoryControl | undefined,
    { defaultModel, logger }: ServerOptions,
    port?: WirePort,
  ): FrontEnd {
    const [settings, state, service] = [this.#settings, this.#state, this.#service];
    if (settings.httpThreads > 1) {
      return new HttpThreads({ models, control, defaultModel, logger, settings, state });
    }
    const accessLog = new AccessLog(logger, state);
    return new LocalFrontEnd({
      ...{ service, accessLog, settings, state },
      ...{ port: port ?? ModelPort.current(), thread: 0 },
    });
  }

  /** Begins to accept connections. Rejects with ERR_PORT_IN_USE, or ERR_INVALID_ARGUMENT when the address is unusable. */
  async listen(): Promise<void> {
    if (this.#listened || this.#closing) throw new OrtserveError("ERR_INVALID_ARGUMENT", "listen() was called before");
    this.#listened = true;
    try {
      this.#port = await this.#frontEnd.listen();
    } catch (error) {
      this.#listened = false; // another try may find the port free
      throw error;
    }
  }

  /**
   * Says that the repository, which was not started when the server was made, is: the server is ready.
   * @throws OrtserveError ERR_MODEL_NOT_FOUND: the default model is not among what was loaded
   */
  open(): void {
    this.#service.checkDefault();
    this.#state.loading = false;
  }

  /** Whether {@link close} was called. */
  get closing(): boolean {
    return this.#closing !== undefined;
  }

  /** The port in use, after {@link listen}. */
  get port(): number {
    return this.#port;
  }

  /** Such as "http://127.0.0.1:8080". */
  get url(): string {
    const { host } = this.#settings;
    return `http://${host.includes(":") ? `[${host}]` : host}:${this.#port}`;
  }

  /** Requests that are not answered yet. */
  get inFlight(): number {
    return this.#state.allInFlight;
  }

  /**
   * Drains and closes: not ready at once, no new connections, every answer ends its connection. Requests in flight get
   * `graceMs` to finish; then connections are cut and the models are closed. Idempotent.
   */
  close(): Promise<void> {
    this.#closing ??= this.#drain();
    return this.#closing;
  }

  async #drain(): Promise<void> {
    this.#state.drain();
    await this.#frontEnd.drain();
    // A run that outlives the grace has nobody left to answer: it is not waited for.
    const waiting = new AbortController();
    await Promise.race([this.#models.close(), delay(runGraceMs, undefined, waiting)]);
    waiting.abort();
    this.#unshareLogLevel();
  }
}

/** Makes a server; call `listen()` to start it. @throws OrtserveError ERR_INVALID_ARGUMENT, ERR_MODEL_NOT_FOUND */
export function createServer(options: ServerOptions): OrtServer {
  return new OrtServer(options);
}
