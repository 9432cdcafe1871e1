// SPDX-License-Identifier: Apache-2.0
// An address that several threads of one server listen on, and no other server.
import uWS from "uWebSockets.js";
import { createServer, type Server } from "node:net";
import { OrtserveError } from "../../errors.js";
import { listenOn } from "../listen.js";
import { explainListenFailure } from "../listen-failure.js";

/** The kernel lets any number of a user's sockets share a port, so another server has to be detected before they do. */
export class SharedAddress {
  readonly port: number;
  readonly #lock: Server;

  private constructor(port: number, lock: Server) {
    this.port = port;
    this.#lock = lock;
  }

  /**
   * Makes sure that nobody listens on the address. `port` 0: any free one. Rejects with ERR_PORT_IN_USE, or
   * ERR_INVALID_ARGUMENT when the address is unusable. Linux only.
   */
  static async claim(host: string, port: number): Promise<SharedAddress> {
    const free = freePort(host, port);
    if (free === undefined) throw await explainListenFailure(host, port);
    return new SharedAddress(free, await lockAddress(host, free));
  }

  /** Lets the next server have the address, once nobody listens on it any more. */
  release(): void {
    this.#lock.close();
  }
}

/** Listens for a moment, alone. */
function freePort(host: string, port: number): number | undefined {
  const app = uWS.App();
  const socket = listenOn(app, host, port, false);
  const free = socket && uWS.us_socket_local_port(socket);
  if (socket) uWS.us_listen_socket_close(socket);
  app.close();
  return free;
}

/**
 * Of two servers that start at the same moment both may find the address free. The name of an abstract socket can be had
 * once, in the network that the port belongs to, and is given back by the kernel when the process ends.
 */
function lockAddress(host: string, port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const lock = createServer((socket) => socket.destroy());
    lock.once("error", (cause: NodeJS.ErrnoException) => {
      const address = `${host}:${port}`;
      if (cause.code !== "EADDRINUSE")
        resolve(lock); // where there are no such names, the probe has to do
      else reject(new OrtserveError("ERR_PORT_IN_USE", `cannot listen on ${address}: another server listens there`));
    });
    lock.listen(`\0ortserve/${host}:${port}`, () => resolve(lock));
    lock.unref();
  });
}
