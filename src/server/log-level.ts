// SPDX-License-Identifier: Apache-2.0
// The logger's level where every request can look at it: a number in memory that the threads share.
import type { Logger } from "../telemetry/log.js";
import type { SharedState } from "./shared-state.js";

/** Above every level that a line can have. */
export const silent = 2 ** 30;

/** Keeps the level that the threads see equal to the logger's, until the function that it returns is called. */
export function shareLogLevel(logger: Logger | undefined, state: SharedState): () => void {
  const share = (value: number) => {
    state.logLevel = Math.min(value, silent); // pino's "silent" is Infinity
  };
  share(logger?.levelVal ?? silent);
  const changed = (_label: string, value: number) => share(value);
  logger?.on("level-change", changed);
  return () => logger?.off("level-change", changed);
}
