// SPDX-License-Identifier: Apache-2.0
// Compression of what is sent: which coding a client accepts, and the compressing itself.
import { deflate, deflateSync, gzip, gzipSync, type ZlibOptions } from "node:zlib";

/** `deflate` is the zlib format (RFC 1950), as HTTP means it. */
export type Coding = "gzip" | "deflate";

/** Up to this a reply is compressed on the JS thread: at most about 40 us, where handing it to a thread costs 80. */
const hereUpTo = 8 * 1024;
/** Time matters more than the last percent. */
const fast: ZlibOptions = { level: 1 };
const fastLarge: ZlibOptions = { level: 1, chunkSize: 128 * 1024 };

// Clients repeat themselves: the last header is parsed once.
let lastAccepted = "";
let lastCoding: Coding | undefined;

/** The coding that an `Accept-Encoding` header prefers; undefined: none. Among equals the first one wins. */
export function acceptedCoding(accepted: string): Coding | undefined {
  if (accepted === lastAccepted) return lastCoding;
  lastAccepted = accepted;
  lastCoding = parseAccepted(accepted);
  return lastCoding;
}

function parseAccepted(accepted: string): Coding | undefined {
  let best: string | undefined;
  let bestWeight = 0;
  for (const entry of accepted.toLowerCase().split(",")) {
    const [name = "", ...parameters] = entry.split(";").map((part) => part.trim());
    if (name !== "gzip" && name !== "deflate" && name !== "identity") continue;
    const weight = weightOf(parameters);
    if (weight <= bestWeight) continue;
    best = name;
    bestWeight = weight;
  }
  return best === "gzip" || best === "deflate" ? best : undefined;
}

function weightOf(parameters: readonly string[]): number {
  const q = parameters.find((parameter) => parameter.startsWith("q="));
  if (q === undefined) return 1;
  const weight = Number(q.slice(2));
  return weight >= 0 && weight <= 1 ? weight : 0;
}

/** What to send. `coding` undefined: the body as it was, because it would not have become smaller. */
export type CompressedHandler = (body: Uint8Array, coding: Coding | undefined, owned: boolean) => void;

/**
 * Compresses `body`, off the JS thread unless it is small, and calls `done` once, at once or later.
 * @param owned whether the memory stays valid after the call; if not, a large body is copied.
 */
export function compress(coding: Coding, body: Uint8Array, owned: boolean, done: CompressedHandler): void {
  if (body.byteLength <= hereUpTo) {
    finish(coding, body, coding === "gzip" ? gzipSync(body, fast) : deflateSync(body, fast), owned, done);
    return;
  }
  const kept = owned ? body : body.slice();
  const run = coding === "gzip" ? gzip : deflate;
  run(kept, fastLarge, (error, compressed) => finish(coding, kept, error ? undefined : compressed, true, done));
}

/** Without memory to compress in, too, the body is sent as it is. */
function finish(
  coding: Coding,
  body: Uint8Array,
  compressed: Uint8Array | undefined,
  owned: boolean,
  done: CompressedHandler,
): void {
  if (compressed !== undefined && compressed.byteLength < body.byteLength) done(compressed, coding, true);
  else done(body, undefined, owned);
}
