// SPDX-License-Identifier: Apache-2.0
// Listening with the flag that uWebSockets.js's typings do not know.
import type { TemplatedApp, us_listen_socket } from "uWebSockets.js";

const exclusivePort = 1; // LIBUS_LISTEN_EXCLUSIVE_PORT

/**
 * Undefined when the address cannot be used. `shared`: further sockets of this user may listen on the same address, and the
 * kernel deals connections out to them; never so for port 0. Otherwise a second listener fails, as it should: by default it
 * would silently share the port, and the clients, of the first.
 */
export function listenOn(app: TemplatedApp, host: string, port: number, shared: boolean): us_listen_socket | undefined {
  let listening: us_listen_socket | undefined;
  (app.listen as unknown as ListenWithFlags).call(app, host, port, shared ? 0 : exclusivePort, (socket) => {
    if (socket) listening = socket;
  });
  return listening;
}

type ListenWithFlags = (
  host: string,
  port: number,
  flags: number,
  done: (socket: us_listen_socket | false) => void,
) => void;
