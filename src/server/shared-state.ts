// SPDX-License-Identifier: Apache-2.0
// What the HTTP threads of one server must agree on at once: in memory they share, because a message would come later.

/** Int32 places of one cache line, so that threads that count do not slow each other down. */
const line = 16;

const draining = 0;
const level = 1;
const second = 2;
const failures = 3;
const loading = 4;

/** A server's state, seen from any of its threads. */
export class SharedState {
  /** Send it to another thread, and make a SharedState of it there. */
  readonly memory: SharedArrayBuffer;
  readonly #words: Int32Array;

  /** @param threads how many; or the memory of a state that exists */
  constructor(threads: number | SharedArrayBuffer) {
    this.memory = typeof threads === "number" ? new SharedArrayBuffer(4 * line * (1 + threads)) : threads;
    this.#words = new Int32Array(this.memory);
  }

  /** The server listens, so that it is seen to live, while the models that it was started for are being loaded. */
  get loading(): boolean {
    return Atomics.load(this.#words, loading) === 1;
  }

  set loading(value: boolean) {
    Atomics.store(this.#words, loading, Number(value));
  }

  /** From the moment shutdown begins: nothing is ready, and every reply ends its connection. */
  get draining(): boolean {
    return Atomics.load(this.#words, draining) === 1;
  }

  drain(): void {
    Atomics.store(this.#words, draining, 1);
  }

  /** Least severe lines that are logged, as pino's number. */
  get logLevel(): number {
    return this.#words[level] as number; // read for every request: a change may be seen a moment later
  }

  set logLevel(value: number) {
    Atomics.store(this.#words, level, value);
  }

  /**
   * Counts a failed request. `inSecond`: how many there were in this second; `before`: how many there were in the last
   * second with a failure, told to one caller only, else 0.
   */
  countFailure(now: number): { inSecond: number; before: number } {
    const words = this.#words;
    const seen = Atomics.load(words, second);
    const isFirst = seen !== now && Atomics.compareExchange(words, second, seen, now) === seen;
    const before = isFirst ? Atomics.exchange(words, failures, 0) : 0;
    return { inSecond: Atomics.add(words, failures, 1) + 1, before };
  }

  /** Requests that `thread` owes an answer. */
  inFlight(thread: number): number {
    return Atomics.load(this.#words, line * (1 + thread));
  }

  /** For `thread` itself: nobody else writes its count. */
  setInFlight(thread: number, count: number): void {
    this.#words[line * (1 + thread)] = count;
  }

  /** Says that `thread` has no sockets any more, or that a new one has taken its place. */
  setStopped(thread: number, stopped: boolean): void {
    Atomics.store(this.#words, line * (1 + thread) + 1, Number(stopped));
    Atomics.notify(this.#words, line * (1 + thread) + 1);
  }

  /** Blocks until `thread` has no sockets any more, for so long at most. Whether that is so. */
  waitUntilStopped(thread: number, ms: number): boolean {
    return Atomics.wait(this.#words, line * (1 + thread) + 1, 0, ms) !== "timed-out";
  }

  /** Requests that any thread owes an answer. */
  get allInFlight(): number {
    let sum = 0;
    for (let place = line; place < this.#words.length; place += line) sum += Atomics.load(this.#words, place);
    return sum;
  }
}
