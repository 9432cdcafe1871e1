// SPDX-License-Identifier: Apache-2.0
// The server: listens, serves, drains, closes.
import { setTimeout as delay } from "node:timers/promises";
import { OrtserveError } from "../errors.js";
import { ModelPort } from "../runtime/model-port.js";
import { InferenceService } from "../serving/inference-service.js";
import { ModelStore } from "../serving/model-store.js";
import { AccessLog } from "./access-log.js";
import type { WirePort } from "./context.js";
import { HttpThread } from "./http-thread.js";
import { explainListenFailure } from "./listen-failure.js";
import { type ServerOptions, type Settings, settingsOf } from "./options.js";
import { SharedState } from "./shared-state.js";

/** Runs whose clients have been cut off get this long to end, in ms. */
const runGraceMs = 1000;

export class OrtServer {
  readonly #settings: Settings;
  readonly #models: ServerOptions["models"];
  readonly #state = new SharedState(1);
  readonly #thread: HttpThread;
  #port = 0;
  #listened = false;
  #closing: Promise<void> | undefined;

  /** @internal Use {@link createServer}. */
  constructor(options: ServerOptions, port: WirePort) {
    this.#settings = settingsOf(options);
    this.#models = options.models;
    const { models, defaultModel } = options;
    const live = models instanceof ModelStore ? undefined : models;
    const store = live?.models ?? (models as ModelStore);
    const service = new InferenceService(store, defaultModel, () => this.#state.draining, live);
    if (service.admin.control === "none") service.checkDefault(); // otherwise it may come later
    this.#thread = new HttpThread({
      service,
      port,
      accessLog: new AccessLog(options.logger),
      settings: this.#settings,
      state: this.#state,
      thread: 0,
    });
  }

  /** Begins to accept connections. Rejects with ERR_PORT_IN_USE, or ERR_INVALID_ARGUMENT when the address is unusable. */
  async listen(): Promise<void> {
    const { host, port } = this.#settings;
    if (this.#listened || this.#closing) throw new OrtserveError("ERR_INVALID_ARGUMENT", "listen() was called before");
    const inUse = this.#thread.listen(host, port, false);
    if (inUse === undefined) throw await explainListenFailure(host, port);
    this.#port = inUse;
    this.#listened = true;
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
    await this.#thread.drain();
    // A run that outlives the grace has nobody left to answer: it is not waited for.
    const waiting = new AbortController();
    await Promise.race([this.#models.close(), delay(runGraceMs, undefined, waiting)]);
    waiting.abort();
  }
}

/** Makes a server; call `listen()` to start it. @throws OrtserveError ERR_INVALID_ARGUMENT, ERR_MODEL_NOT_FOUND */
export function createServer(options: ServerOptions): OrtServer {
  return new OrtServer(options, ModelPort.current());
}
