// SPDX-License-Identifier: Apache-2.0
// One log for all threads: each hands its lines to the thread that has the logger. The level is one, too.
import { errorRecord, type Logger, type ServerLog } from "../../telemetry/log.js";
import type { SharedState } from "../shared-state.js";

const values = { trace: 10, debug: 20, info: 30, warn: 40, error: 50, fatal: 60 } as const;
type Level = keyof typeof values;
const silent = 2 ** 30;

/** A call on the logger. */
export interface LoggedCall {
  readonly level: Level;
  readonly record: object;
  readonly message: string;
}

/** The logger of an HTTP thread. */
export class RelayedLog implements ServerLog {
  readonly #state: SharedState;
  readonly #send: (call: LoggedCall) => void;
  readonly #setLevel: (level: string) => void;

  readonly debug = this.#relay("debug");
  readonly info = this.#relay("info");
  readonly warn = this.#relay("warn");
  readonly error = this.#relay("error");
  readonly fatal = this.#relay("fatal");

  constructor(state: SharedState, send: (call: LoggedCall) => void, setLevel: (level: string) => void) {
    this.#state = state;
    this.#send = send;
    this.#setLevel = setLevel;
  }

  isLevelEnabled(level: string): boolean {
    return (values[level as Level] ?? 0) >= this.#state.logLevel;
  }

  get level(): string {
    const least = this.#state.logLevel;
    return Object.entries(values).find(([, value]) => value >= least)?.[0] ?? "silent";
  }

  /** In force in all threads at once. */
  set level(level: string) {
    this.#state.logLevel = values[level as Level] ?? silent;
    this.#setLevel(level);
  }

  #relay(level: Level) {
    return (record: object, message = ""): void => {
      if (this.isLevelEnabled(level)) this.#send({ level, record: sendable(record), message });
    };
  }
}

/** Errors lose their code and their own fields on the way: they travel as what would be logged of them. */
function sendable(record: object): object {
  const { err } = record as { err?: unknown };
  return err instanceof Error ? { ...record, err: errorRecord(err) } : record;
}

/** Keeps the level that the threads see equal to the logger's. */
export function shareLogLevel(logger: Logger, state: SharedState): void {
  const share = (value: number) => {
    state.logLevel = Math.min(value, silent); // pino's "silent" is Infinity
  };
  share(logger.levelVal);
  logger.on("level-change", (_label, value) => share(value));
}
