// SPDX-License-Identifier: Apache-2.0
// The lines that every response begins with, as one string: uWebSockets.js writes a status as it is given, and every call into
// it that is saved is a hundredth of a small request.
import { cacheOutcomes } from "../native/binding.js";
import { statusLine } from "./http-status.js";

export type CacheOutcome = (typeof cacheOutcomes)[number];

export const json = "application/json";
export const octets = "application/octet-stream";

function lines(status: number, type: string, cache: CacheOutcome): string {
  const contentType = type === "" ? "" : `\r\nContent-Type: ${type}`;
  const xCache = cache === "" ? "" : `\r\nx-cache: ${cache}`;
  return `${statusLine(status)}${contentType}${xCache}`;
}

const ofPredictions: Readonly<Record<string, Readonly<Record<string, string>>>> = Object.fromEntries(
  [json, octets].map((type) => [
    type,
    Object.fromEntries(cacheOutcomes.map((cache) => [cache, lines(200, type, cache)])),
  ]),
);

/** For writeStatus(): the status line, and the headers Content-Type and x-cache, each unless it is "". */
export function responseHead(status: number, type: string, cache: CacheOutcome): string {
  return (status === 200 ? ofPredictions[type]?.[cache] : undefined) ?? lines(status, type, cache);
}
