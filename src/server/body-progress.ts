// SPDX-License-Identifier: Apache-2.0
// How much of a request body has come, and whether that is too much or too slow.
import type { ErrorCode } from "../errors.js";
import type { Settings } from "./options.js";

/** Body bytes per second that count as progress. */
const slowestRate = 1024;

export interface BodyFault {
  readonly code: ErrorCode;
  readonly message: string;
}

export class BodyProgress {
  readonly #settings: Settings;
  readonly #expected: number | undefined;
  readonly #inflated: boolean;
  #received = 0;
  #receivedBefore = 0;

  /**
   * @param expected the `Content-Length`; undefined when the body is chunked or compressed.
   * @param inflated the bytes are those of a compressed body after inflating.
   */
  constructor(settings: Settings, expected: number | undefined, inflated = false) {
    this.#settings = settings;
    this.#expected = expected;
    this.#inflated = inflated;
  }

  get received(): number {
    return this.#received;
  }

  /** Counts a chunk. */
  add(bytes: number): void {
    this.#received += bytes;
  }

  /** Whether more was announced, or has come, than is allowed. */
  sizeFault(): BodyFault | undefined {
    const { bodyLimit } = this.#settings;
    if (Math.max(this.#expected ?? 0, this.#received) <= bodyLimit) return undefined;
    if (this.#inflated) {
      const message = `Decompressed data size exceeds the maximum allowed value of ${bodyLimit} bytes`;
      return { code: "ERR_LIMIT_EXCEEDED", message };
    }
    const size = this.#expected ?? `more than ${bodyLimit}`;
    return {
      code: "ERR_BODY_TOO_LARGE",
      message: `expected a request body of at most ${bodyLimit} bytes, got ${size}`,
    };
  }

  /** Asked each time `bodyTimeoutMs` has passed: whether too little has come since it was last asked. */
  stallFault(): BodyFault | undefined {
    if (this.#received - this.#receivedBefore >= (slowestRate * this.#settings.bodyTimeoutMs) / 1000) {
      this.#receivedBefore = this.#received;
      return undefined;
    }
    const expected = this.#expected === undefined ? "more" : `${this.#expected} bytes`;
    return {
      code: "ERR_BODY_TIMEOUT",
      message: `the request body arrives too slowly: expected ${expected}, got ${this.#received} bytes so far`,
    };
  }
}
