// SPDX-License-Identifier: Apache-2.0
// Work that many may ask for at once, and that is done once for all of them.

export class SharedWork<T> {
  readonly #work: () => Promise<T>;
  #running: Promise<T> | undefined;
  #next: Promise<T> | undefined;

  constructor(work: () => Promise<T>) {
    this.#work = work;
  }

  /** The result of a run that begins after this call: those who come while one is in progress share the next. */
  run(): Promise<T> {
    if (this.#running === undefined) return this.#begin();
    this.#next ??= this.#afterwards(this.#running);
    return this.#next;
  }

  #begin(): Promise<T> {
    const run = this.#work().finally(() => {
      this.#running = undefined;
    });
    this.#running = run;
    return run;
  }

  async #afterwards(running: Promise<T>): Promise<T> {
    await running.catch(() => {});
    this.#next = undefined;
    return this.#running ?? this.#begin();
  }
}
