// SPDX-License-Identifier: Apache-2.0
// A WebSocket server whose answers the test decides: which, when, in what order, or none.
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { type WebSocket, WebSocketServer } from "ws";

export interface ScriptedRequest {
  readonly id: string;
  /** First element of the first input. */
  readonly value: number;
  readonly json: Record<string, unknown>;
  readonly socket: WebSocket;
}

export class ScriptedSocket {
  readonly #server: WebSocketServer;
  readonly #arrived: ScriptedRequest[] = [];
  #wake: (() => void) | undefined;
  /** Connections that were made. */
  connections = 0;

  private constructor(server: WebSocketServer) {
    this.#server = server;
    server.on("connection", (socket) => {
      this.connections++;
      socket.on("error", () => {});
      socket.on("message", (data) => {
        this.#arrived.push(parse(data as Buffer, socket));
        this.#wake?.();
      });
    });
  }

  static async listen(port = 0): Promise<ScriptedSocket> {
    const server = new WebSocketServer({ port, host: "127.0.0.1" });
    await once(server, "listening");
    return new ScriptedSocket(server);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Requests that have arrived and were not taken. */
  get backlog(): number {
    return this.#arrived.length;
  }

  /** The next request, when it has come. */
  async next(): Promise<ScriptedRequest> {
    for (;;) {
      const request = this.#arrived.shift();
      if (request) return request;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** The next `count` requests. */
  async take(count: number): Promise<ScriptedRequest[]> {
    const requests: ScriptedRequest[] = [];
    while (requests.length < count) requests.push(await this.next());
    return requests;
  }

  async close(): Promise<void> {
    for (const socket of this.#server.clients) socket.terminate();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** Answers with the request's own value as output `y`. */
export function answer({ id, value, socket }: ScriptedRequest): void {
  const y = { name: "y", datatype: "INT32", shape: [1], data: [value] };
  socket.send(JSON.stringify({ model_name: "m", model_version: "1", id, outputs: [y] }));
}

function parse(data: Buffer, socket: WebSocket): ScriptedRequest {
  const size = data.readUInt32LE(0);
  const json = JSON.parse(data.subarray(4, 4 + size).toString());
  return { id: json.id, value: data.readInt32LE(4 + size), json, socket };
}
