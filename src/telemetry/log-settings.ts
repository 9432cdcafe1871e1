// SPDX-License-Identifier: Apache-2.0
// The logging extension of the Open Inference Protocol over a logger's level. A level implies the more severe ones, so
// the switches are not independent: what is switched on or off takes along what must follow.
import { OrtserveError } from "../errors.js";
import type { ServerLog } from "./log.js";

/** The settings as the protocol names them. */
export interface LogSettings {
  /** Always "": lines go to stdout. */
  readonly log_file: string;
  readonly log_info: boolean;
  readonly log_warning: boolean;
  readonly log_error: boolean;
  /** 0: no verbose lines, 1: a line per request, 2: everything. */
  readonly log_verbose_level: number;
  readonly log_format: string;
}

/** From the most talkative to the silent one. */
const ladder = ["trace", "debug", "info", "warn", "error", "silent"] as const;
const rungOf = { log_info: 2, log_warning: 3, log_error: 4 } as const;
const silent = ladder.length - 1;
const format = "ISO8601";

export function logSettings(logger: Pick<ServerLog, "level"> | undefined): LogSettings {
  const level = logger?.level ?? "silent";
  const rung = level === "fatal" ? silent : ladder.indexOf(level as (typeof ladder)[number]);
  return {
    log_file: "",
    log_info: rung <= rungOf.log_info,
    log_warning: rung <= rungOf.log_warning,
    log_error: rung <= rungOf.log_error,
    log_verbose_level: Math.max(0, rungOf.log_info - rung),
    log_format: format,
  };
}

/**
 * Changes the settings that `changes` names, all of them or none.
 * @throws OrtserveError ERR_INVALID_ARGUMENT (a value of the wrong type, an unknown key, switches that contradict each other),
 * ERR_UNSUPPORTED (a file, another format, or no logger)
 */
export function changeLogSettings(logger: Pick<ServerLog, "level"> | undefined, changes: unknown): void {
  const wanted = checked(changes);
  const before = ladder.indexOf(logger?.level as (typeof ladder)[number]);
  const start = before < 0 ? silent : before;
  const rung = Object.entries(wanted).reduce(climb, start);
  const level = ladder[rung] as string;
  const now = logSettings({ level });
  for (const [key, value] of Object.entries(wanted)) {
    if (now[key as keyof LogSettings] === value) continue;
    throw invalid(`the settings contradict each other: '${key}' cannot be ${value} beside the others`);
  }
  if (rung === start) return;
  if (logger === undefined) throw new OrtserveError("ERR_UNSUPPORTED", "this server was made without a logger");
  logger.level = level;
}

/** The rung after one setting: no higher or lower than it must be. */
function climb(rung: number, [key, value]: [string, unknown]): number {
  if (key === "log_verbose_level") {
    const verbose = rungOf.log_info - (value as number);
    return value === 0 ? Math.max(rung, rungOf.log_info) : verbose;
  }
  const own = rungOf[key as keyof typeof rungOf];
  return value === true ? Math.min(rung, own) : Math.max(rung, own + 1);
}

function checked(changes: unknown): Record<string, boolean | number> {
  if (typeof changes !== "object" || changes === null || Array.isArray(changes)) {
    throw invalid("expected a JSON object of log settings");
  }
  const wanted: Record<string, boolean | number> = {};
  for (const [key, value] of Object.entries(changes)) {
    if (key === "log_file") throw new OrtserveError("ERR_UNSUPPORTED", "log file location can not be updated");
    if (key === "log_format") checkFormat(value);
    else wanted[key] = checkedValue(key, value);
  }
  return wanted;
}

function checkFormat(value: unknown): void {
  if (value === format) return;
  if (value === "default") throw new OrtserveError("ERR_UNSUPPORTED", `the log format is always ${format}`);
  throw invalid(`'log_format': expected "${format}", got ${JSON.stringify(value)}`);
}

function checkedValue(key: string, value: unknown): boolean | number {
  if (key === "log_verbose_level") {
    if (Number.isInteger(value) && (value as number) >= 0) return Math.min(value as number, rungOf.log_info);
    throw invalid(`'${key}': expected a non-negative integer, got ${JSON.stringify(value)}`);
  }
  if (!(key in rungOf)) throw invalid(`unknown log setting '${key}'; known: ${Object.keys(rungOf).join(", ")}`);
  if (typeof value === "boolean") return value;
  throw invalid(`'${key}': expected true or false, got ${JSON.stringify(value)}`);
}

function invalid(message: string): OrtserveError {
  return new OrtserveError("ERR_INVALID_ARGUMENT", message);
}
