// SPDX-License-Identifier: Apache-2.0
// The lines that every response begins with, in one piece: uWebSockets.js writes a status as it is given, and every call into
// it that is saved is a hundredth of a small request. So is turning text into bytes.
import { cacheOutcomes } from "../native/binding.js";
import { statusLine } from "./http-status.js";

export type CacheOutcome = (typeof cacheOutcomes)[number];

export const json = "application/json";
export const octets = "application/octet-stream";

function lines(status: number, type: string, cache: CacheOutcome, jsonSize: number): string {
  const contentType = type === "" ? "" : `\r\nContent-Type: ${type}`;
  const xCache = cache === "" ? "" : `\r\nx-cache: ${cache}`;
  const length = jsonSize === 0 ? "" : `\r\nInference-Header-Content-Length: ${jsonSize}`;
  return `${statusLine(status)}${contentType}${xCache}${length}`;
}

/** Of a kind of prediction: replies of one model mostly have JSON of one size. */
interface Recent {
  jsonSize: number;
  /** Bytes, once they were asked for twice. */
  lines: string | Uint8Array;
}

const encoder = new TextEncoder();

const ofPredictions: Readonly<Record<string, Readonly<Record<string, Recent>>>> = Object.fromEntries(
  [json, octets].map((type) => [
    type,
    Object.fromEntries(cacheOutcomes.map((cache) => [cache, { jsonSize: 0, lines: lines(200, type, cache, 0) }])),
  ]),
);

/**
 * For writeStatus(): the status line, and the headers Content-Type and x-cache, each unless it is "", and
 * Inference-Header-Content-Length unless `jsonSize` is 0.
 */
export function responseHead(status: number, type: string, cache: CacheOutcome, jsonSize: number): string | Uint8Array {
  const recent = status === 200 ? ofPredictions[type]?.[cache] : undefined;
  if (recent === undefined) return lines(status, type, cache, jsonSize);
  if (recent.jsonSize !== jsonSize) {
    recent.jsonSize = jsonSize;
    recent.lines = lines(status, type, cache, jsonSize);
  } else if (typeof recent.lines === "string") {
    recent.lines = encoder.encode(recent.lines);
  }
  return recent.lines;
}
