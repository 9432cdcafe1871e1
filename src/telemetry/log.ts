// SPDX-License-Identifier: Apache-2.0
// Structured logs: one JSON object per line on stdout.
import { type DestinationStream, type Logger, pino, stdSerializers } from "pino";

export type { Logger } from "pino";

export const logLevels = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;
export type LogLevel = (typeof logLevels)[number];

/** pino's numbers of the levels that lines have. */
export const levelValues = { trace: 10, debug: 20, info: 30, warn: 40, error: 50, fatal: 60 } as const;

/** What the server's parts need of a {@link Logger}. */
export interface ServerLog {
  level: string;
  debug(record: object, message?: string): void;
  info(record: object, message?: string): void;
  warn(record: object, message?: string): void;
  error(record: object, message?: string): void;
  fatal(record: object, message?: string): void;
}

/**
 * Makes the process's logger. Times are ISO 8601 in UTC; levels are words.
 * @param destination where lines go; stdout when left out.
 */
export function createLogger(level: LogLevel = "info", destination?: DestinationStream): Logger {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  return destination ? pino(options, destination) : pino(options);
}

/** What is logged of an error, as plain data that may be sent to another thread. */
export function errorRecord(error: Error): object {
  const { type, message, stack, code } = stdSerializers.err(error);
  return { type, message, stack, ...(code !== undefined && { code }) };
}
