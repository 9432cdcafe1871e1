// SPDX-License-Identifier: Apache-2.0
// The id of a WebSocket request that is answered without having been decoded.

/** Longest JSON that is parsed for its id. */
const longest = 64 * 1024;

/** "" when the message has no id, or none that can be read cheaply. */
export function requestIdOf(message: ArrayBuffer, isBinary: boolean): string {
  const start = isBinary ? 4 : 0;
  if (message.byteLength < start) return "";
  const size = isBinary ? new DataView(message).getUint32(0, true) : message.byteLength;
  if (size > longest || start + size > message.byteLength) return "";
  try {
    const request: unknown = JSON.parse(Buffer.from(message, start, size).toString());
    const id = (request as { id?: unknown } | null)?.id;
    return typeof id === "string" ? id : "";
  } catch {
    return "";
  }
}
