// SPDX-License-Identifier: Apache-2.0
// Errors of the addon carry `code` and `message`; here they become OrtserveErrors with the stack of the caller.
import { type ErrorCode, errorCodes, OrtserveError } from "../errors.js";

/** Where a public call was made. Taken before the native call, because an answer arrives on an empty stack. */
export interface CallSite {
  stack?: string;
}

/** Captures the caller of `entry`. The text is rendered only when somebody reads it. */
export function callSite(entry: (...args: never[]) => unknown): CallSite {
  const site: CallSite = {};
  Error.captureStackTrace(site, entry);
  return site;
}

/** An OrtserveError that points at `site`. */
export function errorAt(site: CallSite, code: ErrorCode, message: string, options?: ErrorOptions): OrtserveError {
  const error = new OrtserveError(code, message, options);
  const frames = site.stack?.slice(site.stack.indexOf("\n")) ?? "";
  error.stack = `OrtserveError [${code}]: ${message}${frames}`;
  return error;
}

/** What the addon threw or rejected with, as an OrtserveError; anything else passes unchanged. */
export function nativeError(thrown: unknown, site?: CallSite): unknown {
  if (thrown instanceof OrtserveError || !(thrown instanceof Error)) return thrown;
  const code = (thrown as { code?: unknown }).code;
  if (typeof code !== "string" || !(code in errorCodes)) return thrown;
  const known = code as ErrorCode;
  return site ? errorAt(site, known, thrown.message) : new OrtserveError(known, thrown.message);
}
