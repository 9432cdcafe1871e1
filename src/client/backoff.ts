// SPDX-License-Identifier: Apache-2.0
// How long to wait before connecting again.
import { invalidArgument } from "./inference-error.js";

export interface Backoff {
  /** Before the first attempt, in ms; doubles with each that fails. Default 100. */
  readonly initialMs: number;
  /** The longest, in ms. Default 10,000. */
  readonly maxMs: number;
  /** Part of the delay that is left to chance, 0 to 1, so that clients do not return all at once. Default 0.5. */
  readonly jitter: number;
}

/** @throws InferenceError invalid-argument */
export function backoffOf({ initialMs = 100, maxMs = 10_000, jitter = 0.5 }: Partial<Backoff>): Backoff {
  if (!(initialMs >= 0 && maxMs >= initialMs && maxMs < 2 ** 31 && jitter >= 0 && jitter <= 1))
    throw invalidArgument(
      `expected 0 <= initialMs <= maxMs < 2^31 and jitter from 0 to 1 for reconnect, got ${initialMs}, ${maxMs}, ${jitter}`,
    );
  return { initialMs, maxMs, jitter };
}

/** In ms. @param attempt from 1. @param chance from 0 to 1 */
export function delayBefore(attempt: number, { initialMs, maxMs, jitter }: Backoff, chance: number): number {
  return Math.min(maxMs, initialMs * 2 ** (attempt - 1)) * (1 - jitter * chance);
}
