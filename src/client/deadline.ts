// SPDX-License-Identifier: Apache-2.0
// The end of a call that its caller sets: a signal, a time, both or none.
import { InferenceError, invalidArgument } from "./inference-error.js";

export interface CallOptions {
  /** Aborting it rejects the call with the code "aborted". */
  readonly signal?: AbortSignal | undefined;
  /** Longest time until the answer, in ms; 0: none. Default: that of the client. */
  readonly timeoutMs?: number | undefined;
}

/** The largest delay that setTimeout keeps; above it, it fires at once. */
const longestMs = 2 ** 31 - 1;

/** @throws InferenceError invalid-argument */
export function checkTimeout(timeoutMs: number): number {
  if (typeof timeoutMs === "number" && timeoutMs >= 0 && timeoutMs <= longestMs) return timeoutMs;
  throw invalidArgument(`expected timeoutMs from 0 to ${longestMs}, got ${timeoutMs}`);
}

/** Who ends with a signal. One listener serves them all: Node takes more than ten on one signal for a leak. */
const followers = new WeakMap<AbortSignal, Set<() => void>>();

function follow(signal: AbortSignal, onAbort: () => void): void {
  const known = followers.get(signal);
  const all = known ?? new Set();
  all.add(onAbort);
  if (known !== undefined) return;
  followers.set(signal, all);
  signal.addEventListener("abort", () => {
    for (const listener of [...all]) listener();
  });
}

/** Begins to run when it is made. Must be released, or its timer goes on. */
export class Deadline {
  /** 0: none. */
  readonly timeoutMs: number;
  readonly #controller = new AbortController();
  readonly #outer: AbortSignal | undefined;
  readonly #onAbort = () =>
    this.#end(new InferenceError("aborted", "the call was aborted", { cause: this.#outer?.reason }));
  readonly #timer: ReturnType<typeof setTimeout> | undefined;
  #error: InferenceError | undefined;

  /** @throws InferenceError invalid-argument */
  constructor({ signal, timeoutMs = 0 }: CallOptions) {
    this.timeoutMs = checkTimeout(timeoutMs);
    this.#outer = signal;
    if (signal?.aborted) this.#onAbort();
    else if (signal) follow(signal, this.#onAbort);
    if (timeoutMs > 0) {
      const error = () => new InferenceError("timeout", `no answer came within ${timeoutMs} ms`);
      this.#timer = setTimeout(() => this.#end(error()), timeoutMs);
    }
  }

  /** Aborted when the call has to end. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Why the call had to end; undefined while it may go on. */
  get error(): InferenceError | undefined {
    return this.#error;
  }

  release(): void {
    clearTimeout(this.#timer);
    if (this.#outer) followers.get(this.#outer)?.delete(this.#onAbort);
  }

  #end(error: InferenceError): void {
    if (this.#error !== undefined) return;
    this.#error = error;
    this.#controller.abort(error);
  }
}
