// SPDX-License-Identifier: Apache-2.0
// A bound on the memory that models take, counted as the size of their files: that is what their weights need.
import { OrtserveError } from "../errors.js";

/** Gives back what was reserved. Idempotent. */
export type Release = () => void;

export class MemoryBudget {
  readonly #most: number;
  /** By what shares one copy of the weights. */
  readonly #held = new Map<string, { bytes: number; holders: number }>();
  #used = 0;

  /** @param most bytes; 0: no bound. */
  constructor(most: number) {
    this.#most = most;
  }

  /** Bytes in use. */
  get used(): number {
    return this.#used;
  }

  /**
   * Takes `bytes` for the weights `key`, or nothing when they are in memory already.
   * @throws OrtserveError ERR_OUT_OF_MEMORY naming the budget, what is used and what was wanted.
   */
  reserve(what: string, key: string, bytes: number): Release {
    const held = this.#held.get(key) ?? { bytes, holders: 0 };
    if (held.holders === 0 && this.#most > 0 && this.#used + bytes > this.#most) {
      const free = Math.max(0, this.#most - this.#used);
      throw new OrtserveError(
        "ERR_OUT_OF_MEMORY",
        `${what} wants ${megabytes(bytes)} of memory, expected at most ${megabytes(free)}: ` +
          `${megabytes(this.#used)} of the budget of ${megabytes(this.#most)} are used`,
      );
    }
    if (held.holders++ === 0) this.#used += bytes;
    this.#held.set(key, held);
    return this.#releaser(key, held);
  }

  #releaser(key: string, held: { bytes: number; holders: number }): Release {
    let released = false;
    return () => {
      if (released) return;
      released = true;
      if (--held.holders > 0) return;
      this.#used -= held.bytes;
      this.#held.delete(key);
    };
  }
}

function megabytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}
