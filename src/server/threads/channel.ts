// SPDX-License-Identifier: Apache-2.0
// Calls between two threads: by name, with one argument, answered or refused like a call within one.
import { type ErrorCode, OrtserveError } from "../../errors.js";

/** What one side offers. Arguments and results are copied by structured clone. */
export type Methods<T> = { [K in keyof T]: (argument: never) => unknown };

/** A Worker, or its parentPort. */
export interface Port {
  postMessage(message: unknown): void;
  on(event: "message", listener: (message: Message) => void): unknown;
}

interface SentError {
  readonly code: ErrorCode | undefined;
  readonly message: string;
  readonly stack: string | undefined;
}

/** `call` 0: no answer is wanted. */
type Message =
  | { readonly call: number; readonly name: string; readonly argument: unknown }
  | { readonly answer: number; readonly value: unknown }
  | { readonly answer: number; readonly error: SentError };

interface Waiting {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

export class Channel<Theirs extends Methods<Theirs>, Mine extends Methods<Mine>> {
  readonly #port: Port;
  readonly #mine: Mine;
  readonly #waiting = new Map<number, Waiting>();
  #calls = 0;
  #ended: Error | undefined;

  /** @param mine what the other side may call; a throw or a rejection is its answer */
  constructor(port: Port, mine: Mine) {
    this.#port = port;
    this.#mine = mine;
    port.on("message", (message) => this.#received(message));
  }

  /** Rejects with what the other side throws: an OrtserveError stays one. After {@link end} it rejects with its error. */
  call<K extends keyof Theirs & string>(
    name: K,
    argument: Parameters<Theirs[K]>[0],
  ): Promise<Awaited<ReturnType<Theirs[K]>>> {
    return new Promise((resolve, reject) => {
      if (this.#ended) throw this.#ended;
      const call = ++this.#calls;
      this.#port.postMessage({ call, name, argument });
      this.#waiting.set(call, { resolve: resolve as (value: unknown) => void, reject });
    });
  }

  /** A call whose outcome does not matter. */
  tell<K extends keyof Theirs & string>(name: K, argument: Parameters<Theirs[K]>[0]): void {
    if (!this.#ended) this.#port.postMessage({ call: 0, name, argument });
  }

  /** Whether {@link end} was called. */
  get ended(): boolean {
    return this.#ended !== undefined;
  }

  /** The other side is gone: what waits for it, and every call from now on, is rejected. */
  end(error: Error): void {
    this.#ended ??= error;
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }

  #received(message: Message): void {
    if ("call" in message) {
      void this.#answer(message.call, message.name, message.argument);
      return;
    }
    const waiting = this.#waiting.get(message.answer);
    this.#waiting.delete(message.answer);
    if ("error" in message) waiting?.reject(receivedError(message.error));
    else waiting?.resolve(message.value);
  }

  async #answer(call: number, name: string, argument: unknown): Promise<void> {
    try {
      const method = this.#mine[name as keyof Mine] as unknown as (argument: unknown) => unknown;
      const value = await method(argument);
      if (call !== 0) this.#port.postMessage({ answer: call, value });
    } catch (error) {
      if (call !== 0) this.#port.postMessage({ answer: call, error: sentError(error) });
    }
  }
}

function sentError(error: unknown): SentError {
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  return { code: error instanceof OrtserveError ? error.code : undefined, message, stack };
}

function receivedError({ code, message, stack }: SentError): Error {
  const error = code === undefined ? new Error(message) : new OrtserveError(code, message);
  if (stack !== undefined) error.stack = stack;
  return error;
}
