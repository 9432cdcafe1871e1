// SPDX-License-Identifier: Apache-2.0
// The part of the zip format that NumPy writes: stored or deflated entries, also beyond 4 GiB.
import { inflateRawSync } from "node:zlib";
import { OrtserveError } from "../../errors.js";

const endMark = 0x06054b50;
const entryMark = 0x02014b50;
/** In place of a number that stands in the entry's extra field, as 64 bits. */
const elsewhere = 0xffffffff;

/** Names and contents, unpacked one at a time. Throws ERR_INVALID_INPUT for what is no such archive. */
export function* unzip(archive: Uint8Array, path: string): Generator<[string, Uint8Array]> {
  const view = new DataView(archive.buffer, archive.byteOffset, archive.byteLength);
  let end = archive.length - 22;
  while (end >= 0 && view.getUint32(end, true) !== endMark) end--;
  if (end < 0) throw damaged(path, "no directory");
  const count = view.getUint16(end + 10, true);
  let at = view.getUint32(end + 16, true);
  for (let i = 0; i < count; i++) {
    if (at + 46 > archive.length || view.getUint32(at, true) !== entryMark) throw damaged(path, "a broken directory");
    const [nameLength, extraLength, noteLength] = [28, 30, 32].map((offset) => view.getUint16(at + offset, true));
    const nameEnd = at + 46 + (nameLength ?? 0);
    const name = new TextDecoder().decode(archive.subarray(at + 46, nameEnd));
    const broken = () => damaged(path, `a broken entry '${name}'`);
    if (nameEnd + (extraLength ?? 0) > archive.length) throw broken();
    const sizes = [20, 24, 42].map((offset) => view.getUint32(at + offset, true));
    const [packed, unpacked = 0, header] = widen(sizes, view, nameEnd, extraLength ?? 0) ?? [];
    if (packed === undefined || header === undefined || header + 30 > archive.length) throw broken();
    const start = header + 30 + view.getUint16(header + 26, true) + view.getUint16(header + 28, true);
    if (start + packed > archive.length) throw broken();
    const bytes = archive.subarray(start, start + packed);
    const method = view.getUint16(at + 10, true);
    if (method !== 0 && method !== 8) throw damaged(path, `entry '${name}' with compression ${method}`);
    // A copy of its own, aligned: slice() of a Buffer would be neither.
    yield [name, Uint8Array.from(method === 0 ? bytes : inflate(bytes, unpacked, `${path}, ${name}`))];
    at = nameEnd + (extraLength ?? 0) + (noteLength ?? 0);
  }
}

/** Replaces each number that stands elsewhere, in the order unpacked size, packed size, offset; undefined: it does not stand there. */
function widen(
  [packed = 0, unpacked = 0, header = 0]: number[],
  view: DataView,
  start: number,
  length: number,
): number[] | undefined {
  const end = start + length;
  let at = start;
  while (at + 4 <= end && view.getUint16(at, true) !== 1) at += 4 + view.getUint16(at + 2, true);
  at += 4;
  const missing = [packed, unpacked, header].filter((value) => value === elsewhere).length;
  if (missing === 0) return [packed, unpacked, header];
  if (at + 8 * missing > end) return undefined;
  const next = (value: number) => {
    if (value !== elsewhere) return value;
    at += 8;
    return Number(view.getBigUint64(at - 8, true));
  };
  const [full, small] = [next(unpacked), next(packed)];
  return [small, full, next(header)];
}

function inflate(bytes: Uint8Array, size: number, where: string): Uint8Array {
  try {
    return inflateRawSync(bytes, { maxOutputLength: Math.max(1, size) });
  } catch (cause) {
    throw damaged(where, (cause as Error).message);
  }
}

function damaged(path: string, what: string): OrtserveError {
  return new OrtserveError(
    "ERR_INVALID_INPUT",
    `${path}: expected a zip archive as numpy.savez writes it, found ${what}`,
  );
}
