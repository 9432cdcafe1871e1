// SPDX-License-Identifier: Apache-2.0
// What can be chosen about a server, with the defaults.
import { OrtserveError } from "../errors.js";
import type { ModelStore } from "../serving/model-store.js";
import type { RepositoryControl } from "../serving/repository-control.js";
import type { Logger } from "../telemetry/log.js";
import { expectedOrigin, isOrigin } from "./origin.js";
import { threadCount } from "./thread-count.js";

export interface ServerOptions {
  /** What is served: see `loadRepository`, or `openRepository` for what may change. The server closes it when it closes. */
  models: ModelStore | RepositoryControl;
  /**
   * Threads that read requests and write answers, from 1 to 64. "auto": as many as suit the cores. More than one, on Linux
   * only, are threads of their own: the one that makes the server then does no more than control them. Default 1.
   */
  httpThreads?: number | "auto";
  /** Default "127.0.0.1". */
  host?: string;
  /** 0: one that is free, to be read from `port` after `listen()`. Default 8080. */
  port?: number;
  /** Model that answers requests naming none. Default: the only model, if it is. */
  defaultModel?: string;
  /** Largest request body and WebSocket message, in bytes. Default 64 MiB. */
  bodyLimit?: number;
  /** Longest time from a request's arrival to its answer, in ms; requests may ask for less. 0: none. Default 60,000. */
  timeoutMs?: number;
  /** A body must keep arriving: at least 1 KiB per second, looked at each time so many ms have passed. Default 8,000. */
  bodyTimeoutMs?: number;
  /** Time that requests in flight get on shutdown, in ms. Default 10,000. */
  graceMs?: number;
  /** Origins that browsers may call from; "*" for any. Default: none. */
  cors?: readonly string[];
  /** Requests in flight on one WebSocket; more are refused. Default 1,024. */
  socketInFlight?: number;
  /** Bytes of replies that a WebSocket's peer may leave unread before the socket is closed. Default: twice the body limit. */
  socketBacklog?: number;
  /** Clients may name system shared memory of this machine, which the process then reads and writes. Default false. */
  sharedMemory?: boolean;
  /** Smallest prediction, in bytes, that is compressed for clients that accept it. Default 200. */
  compressFrom?: number;
  /** Adds `Server-Timing` and `x-batch-size` headers to predictions that do not ask for them, too. Default false. */
  timingHeaders?: boolean;
  /** Default: no logs. */
  logger?: Logger;
}

/** {@link ServerOptions} with every default filled in. */
export type Settings = Readonly<
  Required<Omit<ServerOptions, "models" | "logger" | "defaultModel" | "httpThreads">> & {
    httpThreads: number;
  }
>;

const mebibyte = 2 ** 20;
const day = 86_400_000;

/** Largest value of the numeric options, all of which are integers. */
const bounds = {
  port: 65_535,
  bodyLimit: 2 ** 31 - 1,
  timeoutMs: day,
  bodyTimeoutMs: day,
  graceMs: day,
  socketInFlight: 2 ** 20,
  socketBacklog: 2 ** 31 - 1,
  compressFrom: 2 ** 31 - 1,
} as const;

/** @throws OrtserveError ERR_INVALID_ARGUMENT */
export function settingsOf(options: ServerOptions): Settings {
  for (const [name, most] of Object.entries(bounds)) {
    const value = options[name as keyof typeof bounds];
    const least = name === "bodyLimit" || name === "bodyTimeoutMs" || name === "socketInFlight" ? 1 : 0;
    if (value === undefined || (Number.isInteger(value) && value >= least && value <= most)) continue;
    throw new OrtserveError(
      "ERR_INVALID_ARGUMENT",
      `${name}: expected an integer from ${least} to ${most}, got ${value}`,
    );
  }
  if (options.host === "") throw new OrtserveError("ERR_INVALID_ARGUMENT", "host: expected an address, got ''");
  const strange = options.cors?.find((origin) => !isOrigin(origin));
  if (strange !== undefined) {
    throw new OrtserveError("ERR_INVALID_ARGUMENT", `cors: ${expectedOrigin}, got '${strange}'`);
  }
  const httpThreads = threadCount(options.httpThreads);
  const bodyLimit = options.bodyLimit ?? 64 * mebibyte;
  return {
    httpThreads,
    host: options.host ?? "127.0.0.1",
    port: options.port ?? 8080,
    bodyLimit,
    timeoutMs: options.timeoutMs ?? 60_000,
    bodyTimeoutMs: options.bodyTimeoutMs ?? 8_000,
    graceMs: options.graceMs ?? 10_000,
    cors: options.cors ?? [],
    socketInFlight: options.socketInFlight ?? 1024,
    socketBacklog: options.socketBacklog ?? Math.min(2 * bodyLimit, bounds.socketBacklog),
    sharedMemory: options.sharedMemory ?? false,
    compressFrom: options.compressFrom ?? 200,
    timingHeaders: options.timingHeaders ?? false,
  };
}
