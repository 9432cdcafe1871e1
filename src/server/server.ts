// SPDX-License-Identifier: Apache-2.0
// The server: listens, serves, drains, closes.

import uWS, { type TemplatedApp, type us_listen_socket } from "uWebSockets.js";
import { setTimeout as delay } from "node:timers/promises";
import { OrtserveError } from "../errors.js";
import { ModelPort } from "../runtime/model-port.js";
import { InferenceService } from "../serving/inference-service.js";
import type { ModelStore } from "../serving/model-store.js";
import { AccessLog } from "./access-log.js";
import type { ServerContext, WirePort } from "./context.js";
import { explainListenFailure } from "./listen-failure.js";
import { type ServerOptions, settingsOf } from "./options.js";
import { allRoutes } from "./route-tables.js";
import { installRoutes } from "./routes.js";
import type { SocketSession } from "./socket-session.js";
import { installSockets } from "./sockets.js";
import { TimerWheel } from "./timer-wheel.js";

/** Idle connections get this long to notice that they are not wanted, in ms. */
const idleGraceMs = 500;
/** Runs whose clients have been cut off get this long to end, in ms. */
const runGraceMs = 1000;
const pollMs = 10;

export class OrtServer {
  readonly #app: TemplatedApp;
  readonly #context: ServerContext;
  readonly #models: ModelStore;
  readonly #sessions: ReadonlySet<SocketSession>;
  #connections = 0;
  #listening: us_listen_socket | undefined;
  #port = 0;
  #closing: Promise<void> | undefined;

  /** @internal Use {@link createServer}. */
  constructor(options: ServerOptions, port: WirePort) {
    const settings = settingsOf(options);
    this.#models = options.models;
    const service = new InferenceService(options.models, options.defaultModel);
    service.checkDefault();
    this.#context = {
      service,
      port,
      wheel: new TimerWheel(),
      accessLog: new AccessLog(options.logger),
      settings,
      inFlight: 0,
      draining: false,
    };
    this.#app = uWS.App();
    const app = this.#app;
    // biome-ignore lint/suspicious/useIterableCallbackReturn: not an array's filter; called as connections come and go
    app.filter((_response, change) => {
      this.#connections += Number(change);
    });
    this.#sessions = installSockets(this.#app, this.#context, allRoutes.inferences);
    installRoutes(this.#app, this.#context, allRoutes);
  }

  /** Begins to accept connections. Rejects with ERR_PORT_IN_USE, or ERR_INVALID_ARGUMENT when the address is unusable. */
  async listen(): Promise<void> {
    const { host, port } = this.#context.settings;
    if (this.#listening || this.#closing) throw new OrtserveError("ERR_INVALID_ARGUMENT", "listen() was called before");
    // Without this flag a second server would silently share the port, and the clients, of the first.
    const exclusive = 1; // LIBUS_LISTEN_EXCLUSIVE_PORT; not among the typings' values
    const listen = this.#app.listen as unknown as ExclusiveListen;
    listen.call(this.#app, host, port, exclusive, (socket) => {
      if (socket) this.#listening = socket;
    });
    if (this.#listening === undefined) throw await explainListenFailure(host, port);
    this.#port = uWS.us_socket_local_port(this.#listening);
  }

  /** The port in use, after {@link listen}. */
  get port(): number {
    return this.#port;
  }

  /** Such as "http://127.0.0.1:8080". */
  get url(): string {
    const { host } = this.#context.settings;
    return `http://${host.includes(":") ? `[${host}]` : host}:${this.#port}`;
  }

  /** Requests that are not answered yet. */
  get inFlight(): number {
    return this.#context.inFlight;
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
    const context = this.#context;
    context.service.drain();
    context.draining = true;
    await delay(0); // connections that wait to be accepted are accepted before the listen socket goes
    if (this.#listening) uWS.us_listen_socket_close(this.#listening);
    for (const session of this.#sessions) session.end();
    await this.#settle();
    this.#app.close();
    context.wheel.close();
    // A run that outlives the grace has nobody left to answer: it is not waited for.
    const waiting = new AbortController();
    await Promise.race([this.#models.close(), delay(runGraceMs, undefined, waiting)]);
    waiting.abort();
  }

  /** Waits until every request is answered and every connection gone, or the time for that has run out. */
  async #settle(): Promise<void> {
    const deadline = performance.now() + this.#context.settings.graceMs;
    let idleSince = performance.now();
    while (this.#connections > 0 && performance.now() < deadline) {
      if (this.#context.inFlight > 0) idleSince = performance.now();
      if (performance.now() - idleSince >= idleGraceMs) return;
      await delay(pollMs);
    }
  }
}

type ExclusiveListen = (
  host: string,
  port: number,
  flags: number,
  done: (socket: us_listen_socket | false) => void,
) => void;

/** Makes a server; call `listen()` to start it. @throws OrtserveError ERR_INVALID_ARGUMENT, ERR_MODEL_NOT_FOUND */
export function createServer(options: ServerOptions): OrtServer {
  return new OrtServer(options, ModelPort.current());
}
