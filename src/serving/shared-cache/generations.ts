// SPDX-License-Identifier: Apache-2.0
// Generations of a model's shared results. A flush begins a new one, and what was stored under an older one no longer counts:
// whatever the number of results, a flush is one command.
import { randomBytes } from "node:crypto";

/** Bytes of a generation, and of the stamp before each stored result. Fits a JavaScript number. */
export const stampBytes = 6;

/** Random, so that a generation that Redis has evicted does not come back; never 0. */
export function newStamp(): Buffer {
  const stamp = randomBytes(stampBytes);
  stamp[0] = (stamp[0] ?? 0) | 1;
  return stamp;
}

/** 0 for what is no stamp. */
export function generationOf(stamp: Buffer | null | undefined): number {
  return stamp?.length === stampBytes ? stamp.readUIntBE(0, stampBytes) : 0;
}

/** A result with the stamp of its generation before it. */
export function stamped(generation: number, value: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(stampBytes + value.byteLength);
  bytes.writeUIntBE(generation, 0, stampBytes);
  bytes.set(value, stampBytes);
  return bytes;
}

/** What {@link stamped} was given, if it was of this generation. */
export function unstamped(generation: number, bytes: Buffer | null | undefined): Uint8Array | undefined {
  if (!bytes || bytes.length < stampBytes || bytes.readUIntBE(0, stampBytes) !== generation) return undefined;
  return bytes.subarray(stampBytes);
}
