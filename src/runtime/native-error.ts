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

/** An OrtserveError that points at `site`. Its stack is put together when somebody reads it: refusals must stay cheap. */
export function errorAt(site: CallSite, code: ErrorCode, message: string, options?: ErrorOptions): OrtserveError {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0; // the stack here is not the one to show
  const error = new OrtserveError(code, message, options);
  Error.stackTraceLimit = stackTraceLimit;
  const define = (value: string | undefined) =>
    Object.defineProperty(error, "stack", { value, writable: true, configurable: true });
  return Object.defineProperty(error, "stack", {
    configurable: true,
    set: define,
    get() {
      const frames = site.stack?.slice(site.stack.indexOf("\n")) ?? "";
      const stack = `OrtserveError [${code}]: ${message}${frames}`;
      define(stack);
      return stack;
    },
  });
}

/** What the addon threw or rejected with, as an OrtserveError; anything else passes unchanged. */
export function nativeError(thrown: unknown, site?: CallSite): unknown {
  if (thrown instanceof OrtserveError || !(thrown instanceof Error)) return thrown;
  const code = (thrown as { code?: unknown }).code;
  if (typeof code !== "string" || !(code in errorCodes)) return thrown;
  const known = code as ErrorCode;
  return site ? errorAt(site, known, thrown.message) : new OrtserveError(known, thrown.message);
}
