// SPDX-License-Identifier: Apache-2.0
// Tells what a long piece of work spends its time on.

export interface Stage {
  readonly name: string;
  readonly seconds: number;
}

export class StageClock {
  readonly #millis = new Map<string, number>();
  #stage: string;
  #since = performance.now();

  constructor(first: string) {
    this.#stage = first;
  }

  /** The time from here on is that of `stage`. */
  enter(stage: string): void {
    const now = performance.now();
    this.#millis.set(this.#stage, (this.#millis.get(this.#stage) ?? 0) + now - this.#since);
    this.#since = now;
    this.#stage = stage;
  }

  /** All stages so far, in the order in which they began. */
  stages(): Stage[] {
    this.enter(this.#stage);
    return [...this.#millis].map(([name, millis]) => ({ name, seconds: millis / 1000 }));
  }
}
