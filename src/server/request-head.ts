// SPDX-License-Identifier: Apache-2.0
// What the server reads of a request's headers, taken in one pass while the request object is valid.
import type { HttpRequest } from "uWebSockets.js";
import { OrtserveError } from "../errors.js";
import { CacheUse } from "../native/binding.js";

/** Headers that matter, and the verdict on how the body is framed. Plain values: they outlive the request object. */
export interface RequestHead {
  /** Bytes to come; undefined when unknown (chunked). */
  contentLength: number | undefined;
  /** Length of the leading JSON of a binary request (`Inference-Header-Content-Length`); -1: the whole body is JSON. */
  jsonSize: number;
  /** `x-request-id` where it is acceptable, else "". */
  requestId: string;
  /** `x-timeout-ms`; 0: none given. */
  timeoutMs: number;
  origin: string;
  /** `Content-Encoding` of the body; "": none. */
  encoding: "" | "gzip" | "deflate";
  /** `Accept-Encoding` as it came; "": none. */
  accepts: string;
  /** `x-timing`: the reply is to say how long the request took. */
  timing: boolean;
  /** `Cache-Control`: no-store leaves the prediction cache alone, no-cache asks for a fresh result. */
  cacheUse: CacheUse;
  /** Why the request is refused, if it is. */
  fault: OrtserveError | undefined;
  /** The framing is in doubt: where the next request starts is unknown, so the connection must end. */
  broken: boolean;
}

// Seen while headers are walked. Module-level, because one callback for all requests costs less than one per request.
let head: RequestHead;
let lengths = 0;
let encodings = 0;

/** Reads the headers of `request`. Never throws: faults stand in the result. */
export function readHead(request: HttpRequest): RequestHead {
  head = {
    contentLength: undefined,
    jsonSize: -1,
    requestId: "",
    timeoutMs: 0,
    origin: "",
    encoding: "",
    accepts: "",
    timing: false,
    cacheUse: CacheUse.use,
    fault: undefined,
    broken: false,
  };
  lengths = 0;
  encodings = 0;
  request.forEach(visit);
  if (lengths + encodings > 1) breakFraming("expected one Content-Length or one Transfer-Encoding header, got several");
  return head;
}

function visit(name: string, value: string): void {
  switch (name) {
    case "content-length":
      visitLength(value);
      return;
    case "transfer-encoding":
      encodings++;
      if (value !== "chunked") breakFraming(`expected Transfer-Encoding 'chunked', got '${value}'`);
      return;
    case "content-encoding":
      visitEncoding(value.toLowerCase());
      return;
    case "accept-encoding":
      head.accepts = value;
      return;
    case "x-timing":
      head.timing = value !== "0";
      return;
    case "inference-header-content-length":
      visitJsonSize(value);
      return;
    case "x-request-id":
      if (/^[\x21-\x7e]{1,128}$/.test(value)) head.requestId = value;
      return;
    case "x-timeout-ms":
      visitTimeout(value);
      return;
    case "cache-control":
      if (/\bno-store\b/i.test(value)) head.cacheUse = CacheUse.bypass;
      else if (/\bno-cache\b/i.test(value)) head.cacheUse = CacheUse.refresh;
      return;
    case "origin":
      head.origin = value;
  }
}

function visitLength(value: string): void {
  lengths++;
  const length = wholeNumber(value);
  if (Number.isSafeInteger(length)) head.contentLength = length;
  else breakFraming(`expected a number of bytes for Content-Length, got '${value}'`);
}

function visitEncoding(value: string): void {
  if (value === "gzip" || value === "deflate") head.encoding = value;
  else if (value === "x-gzip") head.encoding = "gzip";
  else if (value !== "" && value !== "identity")
    refuse("ERR_UNSUPPORTED", `Unsupported compression type: expected gzip or deflate, got '${value}'`);
}

function visitJsonSize(value: string): void {
  const size = wholeNumber(value);
  // The upper bound keeps the value in the range every client can send: a signed 32-bit integer.
  if (size <= 0x7fffffff) head.jsonSize = size;
  else
    refuse(
      "ERR_INVALID_JSON",
      `Unable to parse Inference-Header-Content-Length: expected a byte count, got '${value}'`,
    );
}

function visitTimeout(value: string): void {
  const timeout = wholeNumber(value);
  if (value.length <= 9 && timeout > 0) head.timeoutMs = timeout;
  else refuse("ERR_INVALID_ARGUMENT", `expected a positive number of milliseconds for x-timeout-ms, got '${value}'`);
}

/** Written in digits and nothing else; else NaN. */
function wholeNumber(value: string): number {
  let number = value === "" ? Number.NaN : 0;
  for (let i = 0; i < value.length; i++) {
    const digit = value.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return Number.NaN;
    number = 10 * number + digit;
  }
  return number;
}

function refuse(code: "ERR_UNSUPPORTED" | "ERR_INVALID_JSON" | "ERR_INVALID_ARGUMENT", message: string): void {
  head.fault ??= new OrtserveError(code, message);
}

function breakFraming(message: string): void {
  head.fault = new OrtserveError("ERR_INVALID_ARGUMENT", message);
  head.broken = true;
}
