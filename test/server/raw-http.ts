// SPDX-License-Identifier: Apache-2.0
// HTTP by hand: a client library would repair, or refuse to send, what these tests are about.
import { connect, type Socket } from "node:net";

export interface RawResponse {
  status: number;
  headers: Record<string, string>;
  body: Buffer;
}

export class RawClient {
  readonly socket: Socket;
  /** Settles when the server has closed its side or the connection broke. */
  readonly closed: Promise<void>;
  #bytes = Buffer.alloc(0);
  #ended = false;
  #wake: (() => void) | undefined;

  constructor(port: number) {
    this.socket = connect({ port, host: "127.0.0.1", noDelay: true });
    this.socket.on("data", (chunk) => {
      this.#bytes = Buffer.concat([this.#bytes, chunk]);
      this.#wake?.();
    });
    this.socket.on("error", () => {});
    this.closed = new Promise((resolve) => {
      this.socket.on("close", () => {
        this.#ended = true;
        this.#wake?.();
        resolve();
      });
    });
  }

  /** Sends bytes and waits until the kernel has them. */
  send(...pieces: (string | Uint8Array)[]): Promise<void> {
    return new Promise((resolve) => {
      this.socket.write(Buffer.concat(pieces.map((piece) => Buffer.from(piece))), () => resolve());
    });
  }

  /** Sends one whole request. */
  request(method: string, path: string, body: string | Uint8Array = "", headers: Record<string, string> = {}) {
    const length = Buffer.from(body).length;
    const all = { Host: "test", ...(length > 0 && { "Content-Length": String(length) }), ...headers };
    const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
    return this.send(`${method} ${path} HTTP/1.1\r\n${lines.join("")}\r\n`, body);
  }

  /** The next response; `headOnly` when it answers a HEAD request. Rejects when the connection ends before it is whole. */
  async response(headOnly = false): Promise<RawResponse> {
    const head = await this.#until(() => {
      const end = this.#bytes.indexOf("\r\n\r\n");
      return end < 0 ? undefined : this.#bytes.subarray(0, end + 4);
    });
    const [first = "", ...lines] = head.toString("latin1").trimEnd().split("\r\n");
    const headers = Object.fromEntries(lines.map((line) => splitOnce(line)));
    const length = headOnly ? 0 : Number(headers["content-length"] ?? 0);
    await this.#until(() => (this.#bytes.length >= head.length + length ? true : undefined));
    const body = Buffer.from(this.#bytes.subarray(head.length, head.length + length));
    this.#bytes = this.#bytes.subarray(head.length + length);
    return { status: Number(first.split(" ")[1]), headers, body };
  }

  destroy(): void {
    this.socket.destroy();
  }

  async #until<T>(look: () => T | undefined): Promise<T> {
    for (;;) {
      const found = look();
      if (found !== undefined) return found;
      if (this.#ended) throw new Error(`connection closed after ${JSON.stringify(this.#bytes.toString("latin1"))}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

function splitOnce(line: string): [string, string] {
  const colon = line.indexOf(":");
  return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
}

/** Waits for a condition that something else makes true. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}
