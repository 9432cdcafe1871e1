// SPDX-License-Identifier: Apache-2.0
// A WebSocket that comes back: one connection at a time, a new one after each that is lost.
import { type Backoff, delayBefore } from "./backoff.js";
import { InferenceError } from "./inference-error.js";

/** The part of the standard WebSocket that is used. Handlers are `unknown`, as their events differ between libraries. */
export interface SocketLike {
  binaryType: string;
  onopen: unknown;
  onmessage: unknown;
  onerror: unknown;
  onclose: unknown;
  send(data: Uint8Array<ArrayBuffer> | string): void;
  close(code?: number, reason?: string): void;
}

/** The global WebSocket, or that of a library such as "ws", which takes `{ headers }` as its third argument. */
export type SocketConstructor = new (
  url: string,
  protocols?: string[],
  // biome-ignore lint/suspicious/noExplicitAny: each library has its own options
  options?: any,
) => SocketLike;

export interface SocketEvents {
  up(): void;
  message(data: unknown): void;
  /** The connection ended, or could not be made. Another attempt follows unless {@link Socket.close} was called. */
  down(reason: InferenceError): void;
}

export class Socket {
  readonly #open: () => SocketLike;
  readonly #backoff: Backoff | undefined;
  readonly #events: SocketEvents;
  #current: SocketLike | undefined;
  #isUp = false;
  #failures = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closing: Promise<void> | undefined;
  #onClosed: (() => void) | undefined;

  /** @param backoff undefined: never connects again */
  constructor(open: () => SocketLike, backoff: Backoff | undefined, events: SocketEvents) {
    this.#open = open;
    this.#backoff = backoff;
    this.#events = events;
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  /** Makes an attempt to connect. `up` or `down` follows. */
  connect(): void {
    let socket: SocketLike;
    try {
      socket = this.#open();
    } catch (cause) {
      const message = `the WebSocket could not be made: ${(cause as Error).message}`;
      queueMicrotask(() => this.#lost(new InferenceError("connection", message, { cause })));
      return;
    }
    this.#current = socket;
    let problem = "";
    socket.binaryType = "arraybuffer";
    socket.onopen = () => this.#opened(socket);
    socket.onmessage = (event: { data: unknown }) => this.#received(socket, event.data);
    socket.onerror = (event: { message?: string }) => {
      problem = event.message ?? "";
    };
    socket.onclose = (event: { code?: number; reason?: string }) => {
      if (this.#current !== socket) return;
      const reason = problem || event.reason || `closed with code ${event.code}`;
      this.#lost(new InferenceError("connection", `the WebSocket connection was lost: ${reason}`));
    };
  }

  send(message: Uint8Array<ArrayBuffer> | string): void {
    this.#current?.send(message);
  }

  /** Gives this connection up as if it had been lost. */
  drop(reason: InferenceError): void {
    const socket = this.#current;
    if (socket === undefined) return;
    this.#lost(reason);
    socket.close();
  }

  /** Closes for good. Resolves when the peer has closed too. */
  close(): Promise<void> {
    this.#closing ??= new Promise((resolve) => {
      clearTimeout(this.#timer);
      this.#onClosed = resolve;
      if (this.#current === undefined) resolve();
      else this.#current.close(1000);
    });
    return this.#closing;
  }

  #opened(socket: SocketLike): void {
    if (this.#current !== socket || this.#onClosed !== undefined) return;
    this.#isUp = true;
    this.#events.up();
  }

  #received(socket: SocketLike, data: unknown): void {
    if (this.#current !== socket) return;
    this.#failures = 0; // an open connection proves little: a proxy may accept what it then drops
    this.#events.message(data);
  }

  #lost(reason: InferenceError): void {
    this.#current = undefined;
    this.#isUp = false;
    if (this.#onClosed !== undefined) {
      this.#onClosed();
      return;
    }
    if (this.#backoff !== undefined) {
      const delay = delayBefore(++this.#failures, this.#backoff, Math.random());
      this.#timer = setTimeout(() => this.connect(), delay);
    }
    this.#events.down(reason);
  }
}
