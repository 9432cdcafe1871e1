// SPDX-License-Identifier: Apache-2.0
// The one place where an error code becomes an HTTP status.
import type { ErrorCode } from "../errors.js";

/** HTTP status of every error code. */
export const httpStatus: Readonly<Record<ErrorCode, number>> = {
  ERR_INVALID_ARGUMENT: 400,
  ERR_INVALID_JSON: 400,
  ERR_INVALID_INPUT: 400,
  ERR_LIMIT_EXCEEDED: 400,
  ERR_UNSUPPORTED: 501,
  ERR_QUEUE_FULL: 503,
  ERR_QUEUE_TIMEOUT: 503,
  ERR_DEADLINE_EXCEEDED: 504,
  ERR_CANCELLED: 499, // never sent: whoever cancelled is gone
  ERR_MODEL_CLOSED: 503,
  ERR_OUT_OF_MEMORY: 503,
  ERR_RUN_FAILED: 500,
  ERR_MODEL_NOT_FOUND: 404,
  ERR_LOAD_FAILED: 500,
  ERR_PROVIDER_UNAVAILABLE: 500,
  ERR_LIBRARY_UNAVAILABLE: 500,
  ERR_SINGULAR: 500,
  ERR_INTERNAL: 500,
  ERR_INVALID_CONFIG: 500,
  ERR_NOT_FOUND: 404,
  ERR_METHOD_NOT_ALLOWED: 405,
  ERR_BODY_TOO_LARGE: 413,
  ERR_BODY_TIMEOUT: 408,
  ERR_UNSUPPORTED_MEDIA_TYPE: 415,
  ERR_NOT_READY: 503,
  ERR_SHUTTING_DOWN: 503,
  ERR_PORT_IN_USE: 500,
  ERR_NOT_ALLOWED: 503,
  ERR_ORIGIN_REFUSED: 403,
  ERR_GOAL_MISSED: 500,
};

/** Where a route's protocol has another status for a code. */
export type StatusOverrides = Partial<Readonly<Record<ErrorCode, number>>>;

/** Triton's, of loads and unloads that fail. */
export const repositoryStatus: StatusOverrides = {
  ERR_MODEL_NOT_FOUND: 500,
  ERR_LOAD_FAILED: 400,
  ERR_PROVIDER_UNAVAILABLE: 400,
};

/** No client is sent away for longer: by then the load may be another. */
const longestWait = 60;

/**
 * Seconds a client should wait before it asks again; undefined where asking again does not help.
 * @param backlogMs of the model in question, asked where it matters
 */
export function retryAfter(code: ErrorCode, backlogMs: () => number = () => 0): string | undefined {
  switch (code) {
    case "ERR_QUEUE_FULL":
    case "ERR_QUEUE_TIMEOUT":
      return String(Math.min(Math.max(Math.ceil(backlogMs() / 1000), 1), longestWait));
    case "ERR_OUT_OF_MEMORY":
    case "ERR_NOT_READY":
    case "ERR_SHUTTING_DOWN":
      return "1";
    default:
      return undefined;
  }
}

const reasons: Readonly<Record<number, string>> = {
  200: "OK",
  204: "No Content",
  302: "Found",
  304: "Not Modified",
  400: "Bad Request",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  408: "Request Timeout",
  413: "Payload Too Large",
  415: "Unsupported Media Type",
  499: "Client Closed Request",
  500: "Internal Server Error",
  501: "Not Implemented",
  503: "Service Unavailable",
  504: "Gateway Timeout",
};

const lines = new Map(Object.entries(reasons).map(([status, reason]) => [Number(status), `${status} ${reason}`]));

/** The status as it stands in a response's first line, such as "404 Not Found". */
export function statusLine(status: number): string {
  return lines.get(status) ?? `${status} Unknown`;
}
