// SPDX-License-Identifier: Apache-2.0
// One log for all threads: each hands its lines to the thread that has the logger. The level is one, too.
import { errorRecord, levelValues, type ServerLog } from "../../telemetry/log.js";
import { silent } from "../log-level.js";
import type { SharedState } from "../shared-state.js";

type Level = keyof typeof levelValues;

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

  get level(): string {
    const least = this.#state.logLevel;
    return Object.entries(levelValues).find(([, value]) => value >= least)?.[0] ?? "silent";
  }

  /** In force in all threads at once. */
  set level(level: string) {
    this.#state.logLevel = levelValues[level as Level] ?? silent;
    this.#setLevel(level);
  }

  #relay(level: Level) {
    return (record: object, message = ""): void => {
      if (levelValues[level] >= this.#state.logLevel) this.#send({ level, record: sendable(record), message });
    };
  }
}

/** Errors lose their code and their own fields on the way: they travel as what would be logged of them. */
function sendable(record: object): object {
  const { err } = record as { err?: unknown };
  return err instanceof Error ? { ...record, err: errorRecord(err) } : record;
}
