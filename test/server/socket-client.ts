// SPDX-License-Identifier: Apache-2.0
// A WebSocket client that keeps what arrives until the test asks for it.
import { WebSocket } from "ws";

interface Frame {
  data: Buffer;
  isBinary: boolean;
}

export class SocketClient {
  readonly socket: WebSocket;
  readonly closed: Promise<number>;
  readonly #frames: Frame[] = [];
  readonly #waiting: { resolve: (frame: Frame) => void; reject: (error: Error) => void }[] = [];

  private constructor(url: string, headers: Record<string, string>) {
    this.socket = new WebSocket(url, { headers, perMessageDeflate: false });
    this.socket.on("message", (data, isBinary) => {
      const frame = { data: data as Buffer, isBinary };
      const waiting = this.#waiting.shift();
      if (waiting) waiting.resolve(frame);
      else this.#frames.push(frame);
    });
    this.socket.on("error", () => {});
    this.closed = new Promise((resolve) => {
      this.socket.on("close", (code) => {
        for (const { reject } of this.#waiting) reject(new Error(`the socket was closed (${code})`));
        resolve(code);
      });
    });
  }

  static async open(url: string, path: string, headers: Record<string, string> = {}): Promise<SocketClient> {
    const client = new SocketClient(url.replace("http", "ws") + path, headers);
    await new Promise<void>((resolve, reject) => {
      client.socket.once("open", () => resolve());
      client.socket.once("error", reject);
    });
    return client;
  }

  frame(): Promise<Frame> {
    const frame = this.#frames.shift();
    if (frame) return Promise.resolve(frame);
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  async next(): Promise<Buffer> {
    return (await this.frame()).data;
  }

  // biome-ignore lint/suspicious/noExplicitAny: answers of many shapes, looked at by assertions
  async json(): Promise<any> {
    return JSON.parse((await this.next()).toString());
  }
}
