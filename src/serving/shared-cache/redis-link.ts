// SPDX-License-Identifier: Apache-2.0
// The connection to Redis: nothing waits for it, and what was sent on a connection that breaks fails at once.
import type { Redis, RedisOptions } from "ioredis";
import { OrtserveError } from "../../errors.js";

const longestPauseMs = 5_000;

const options = {
  protocol: 2, // every server of Redis and of what is like it speaks it
  connectionName: "ortserve",
  lazyConnect: true,
  enableAutoPipelining: true,
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
  connectTimeout: 2_000,
  keepAlive: 10_000,
  retryStrategy: (attempt: number) => Math.min(50 * 2 ** Math.min(attempt, 10), longestPauseMs),
} as const satisfies RedisOptions;

/** Where Redis is, without what must not be logged. @throws OrtserveError ERR_INVALID_ARGUMENT */
export function redisAddress(url: string): string {
  if (url.startsWith("/") || url.startsWith("unix:///")) return url;
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed !== undefined && (parsed.protocol === "redis:" || parsed.protocol === "rediss:")) {
    return `${parsed.protocol}//${parsed.host}${parsed.pathname}`;
  }
  throw new OrtserveError(
    "ERR_INVALID_ARGUMENT",
    "expected the URL of Redis as redis://HOST:PORT/DB, rediss://... (TLS) or unix:///PATH", // not what came: it may hold a password
  );
}

/** Not connected yet. Loads the library, which costs those who do not use it nothing. */
export async function redisLink(url: string): Promise<Redis> {
  redisAddress(url);
  const { Redis } = await import("ioredis");
  return new Redis(url.replace(/^unix:\/\//, ""), options);
}
