// SPDX-License-Identifier: Apache-2.0
// One log line per request: at debug when it succeeded, at warn when it failed.
import type { ErrorCode } from "../errors.js";
import type { Logger } from "../telemetry/log.js";
import { changeLogSettings } from "../telemetry/log-settings.js";

/** One answered request. Times in ms. */
export interface AccessRecord {
  requestId: string;
  /** HTTP verb, or "WS". */
  method: string;
  route: string;
  /** "NAME/VERSION", "" where no model was involved. */
  model: string;
  status: number;
  totalMs: number;
  queueMs?: number;
  runMs?: number;
  code?: ErrorCode;
  message?: string;
}

/** Failures logged per second; a flood of refusals must not cost more than the work that is refused. */
const failuresPerSecond = 50;

export class AccessLog {
  readonly #logger: Logger | undefined;
  #second = 0;
  #inSecond = 0;

  /** Whether successes are logged: callers need not make a record otherwise. A field, for each request reads it. */
  verbose = false;

  constructor(logger: Logger | undefined) {
    this.#logger = logger;
    this.#look();
  }

  get logger(): Logger | undefined {
    return this.#logger;
  }

  /** Changes what is logged; see {@link changeLogSettings}. */
  change(settings: unknown): void {
    changeLogSettings(this.#logger, settings);
    this.#look();
  }

  succeeded(record: AccessRecord): void {
    this.#logger?.debug(record, "request");
  }

  failed(record: AccessRecord): void {
    if (this.#logger === undefined) return;
    const second = Math.floor(Date.now() / 1000);
    if (second !== this.#second) {
      const dropped = this.#inSecond - failuresPerSecond;
      if (dropped > 0) this.#logger.warn({ dropped }, "failed requests left out of the log");
      this.#second = second;
      this.#inSecond = 0;
    }
    if (++this.#inSecond <= failuresPerSecond) this.#logger.warn(record, "request failed");
  }

  #look(): void {
    this.verbose = this.#logger?.isLevelEnabled("debug") ?? false;
  }

  /** An exception that no handler expected: a bug. */
  bug(error: unknown): void {
    this.#logger?.error({ err: error }, "unexpected exception");
  }
}
