// SPDX-License-Identifier: Apache-2.0
// An address that stays while the server behind it is replaced, as a load balancer's does.
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

export class Relay {
  /** Port that connections are passed on to; 0: they are cut. */
  target = 0;
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer((socket) => {
    this.#keep(socket);
    if (this.target === 0) {
      socket.destroy();
      return;
    }
    const server = this.#keep(connect(this.target, "127.0.0.1"));
    socket.pipe(server).pipe(socket);
    socket.on("close", () => server.destroy());
    server.on("close", () => socket.destroy());
  });

  async listen(): Promise<this> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return this;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #keep(socket: Socket): Socket {
    this.#sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => this.#sockets.delete(socket));
    return socket;
  }
}
