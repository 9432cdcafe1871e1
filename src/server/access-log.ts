// SPDX-License-Identifier: Apache-2.0
// One log line per request: at debug when it succeeded, at warn when it failed.
import type { ErrorCode } from "../errors.js";
import { levelValues, type ServerLog } from "../telemetry/log.js";
import { changeLogSettings } from "../telemetry/log-settings.js";
import type { SharedState } from "./shared-state.js";

/** One answered request. Times in ms. */
export interface AccessRecord {
  requestId: string;
  /** HTTP verb, or "WS". */
  method: string;
  route: string;
  /** "NAME/VERSION", "" where no model was involved. */
  model: string;
  status: number;
  /** Left out of a prediction that failed at once, where successes are not logged: nobody looked at the clock. */
  totalMs?: number;
  queueMs?: number;
  runMs?: number;
  code?: ErrorCode;
  message?: string;
}

/** Failures logged per second; a flood of refusals must not cost more than the work that is refused. */
const failuresPerSecond = 50;

export class AccessLog {
  readonly #logger: ServerLog | undefined;
  readonly #state: SharedState;

  constructor(logger: ServerLog | undefined, state: SharedState) {
    this.#logger = logger;
    this.#state = state;
  }

  get logger(): ServerLog | undefined {
    return this.#logger;
  }

  /** Changes what is logged; see {@link changeLogSettings}. */
  change(settings: unknown): void {
    changeLogSettings(this.#logger, settings);
  }

  /** Whether successes are logged: callers need not make a record otherwise. */
  get verbose(): boolean {
    return this.#state.logLevel <= levelValues.debug;
  }

  succeeded(record: AccessRecord): void {
    this.#logger?.debug(record, "request");
  }

  failed(record: AccessRecord): void {
    if (this.#logger === undefined) return;
    const { inSecond, before } = this.#state.countFailure(Math.floor(Date.now() / 1000));
    const dropped = before - failuresPerSecond;
    if (dropped > 0) this.#logger.warn({ dropped }, "failed requests left out of the log");
    if (inSecond <= failuresPerSecond) this.#logger.warn(record, "request failed");
  }

  /** An exception that no handler expected: a bug. */
  bug(error: unknown): void {
    this.#logger?.error({ err: error }, "unexpected exception");
  }
}
