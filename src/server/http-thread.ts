// SPDX-License-Identifier: Apache-2.0
// One thread's share of a server: an app, its connections, and their end. It runs in the thread that makes it.
import uWS, { type TemplatedApp, type us_listen_socket } from "uWebSockets.js";
import { setTimeout as delay, setImmediate as turn } from "node:timers/promises";
import { refuseConnections } from "../runtime/thread-sockets.js";
import { ServerContext, type ThreadParts } from "./context.js";
import { listenOn } from "./listen.js";
import { allRoutes } from "./route-tables.js";
import { installRoutes } from "./routes.js";
import type { SocketSession } from "./socket-session.js";
import { installSockets } from "./sockets.js";

/** Idle connections get this long to notice that they are not wanted, in ms. */
const idleGraceMs = 500;
/** Connections that are being made when the server begins to drain get this long to come about, in ms. */
const handshakeMs = 50;
const pollMs = 10;

export class HttpThread {
  readonly #app: TemplatedApp;
  readonly #context: ServerContext;
  readonly #sessions: ReadonlySet<SocketSession>;
  #connections = 0;
  #listening: us_listen_socket | undefined;

  constructor(parts: ThreadParts) {
    this.#context = new ServerContext(parts);
    this.#app = uWS.App();
    // biome-ignore lint/suspicious/useIterableCallbackReturn: not an array's filter; called as connections come and go
    this.#app.filter((_response, change) => {
      this.#connections += Number(change);
    });
    this.#sessions = installSockets(this.#app, this.#context, allRoutes.inferences);
    installRoutes(this.#app, this.#context, allRoutes);
  }

  /** Begins to accept connections; the port in use, or undefined when the address cannot be used. See {@link listenOn}. */
  listen(host: string, port: number, shared: boolean): number | undefined {
    this.#listening = listenOn(this.#app, host, port, shared);
    return this.#listening && uWS.us_socket_local_port(this.#listening);
  }

  /** Takes no new connections, lets requests in flight finish within the server's grace, and cuts off what is left. */
  async drain(): Promise<void> {
    if (this.#listening) await this.#stopListening(this.#listening);
    for (const session of this.#sessions) session.end();
    await this.#settle();
    this.stop();
  }

  /** Closes every socket, at once. */
  stop(): void {
    this.#app.close();
    this.#context.wheel.close();
  }

  /** Connections that wait to be accepted, or are being made, are accepted before the listening socket goes. */
  async #stopListening(socket: us_listen_socket): Promise<void> {
    if (refuseConnections(uWS.us_socket_local_port(socket))) await delay(handshakeMs);
    await turn(); // between the timers and this, the event loop looks for connections
    uWS.us_listen_socket_close(socket);
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
