// SPDX-License-Identifier: Apache-2.0
// NumPy's .npz as numpy.savez writes it: a zip archive of stored .npy files. Below 4 GiB; reading is in src/optimize/data.
import { crc32 } from "node:zlib";

const localMark = 0x04034b50;
const entryMark = 0x02014b50;
const endMark = 0x06054b50;
/** Version 2.0 of the format, which every reader knows. */
const version = 20;
/** Names are UTF-8. */
const utf8Flag = 0x0800;
/** 1980-01-01, the format's first day: samples keep no time of their own. */
const firstDay = 0x0021;

/** Pieces of an archive, for a vectored write. `arrays`: the pieces of each .npy file, by name. */
export function npzFile(arrays: ReadonlyMap<string, readonly Uint8Array[]>): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  const entries: Buffer[] = [];
  let offset = 0;
  for (const [key, parts] of arrays) {
    const name = Buffer.from(`${key}.npy`);
    const facts = factsOf(parts, name.length);
    const local = Buffer.concat([Buffer.alloc(4), facts, name]);
    local.writeUInt32LE(localMark);
    const entry = Buffer.concat([Buffer.alloc(6), facts, Buffer.alloc(14), name]);
    entry.writeUInt32LE(entryMark);
    entry.writeUInt16LE(version, 4);
    entry.writeUInt32LE(offset, 42);
    pieces.push(local, ...parts);
    entries.push(entry);
    offset += local.length + sizeOf(parts);
  }
  return [...pieces, ...entries, endOf(entries, offset)];
}

/** What the local header and the directory both say of an entry. */
function factsOf(parts: readonly Uint8Array[], nameLength: number): Buffer {
  const facts = Buffer.alloc(26);
  facts.writeUInt16LE(version, 0);
  facts.writeUInt16LE(utf8Flag, 2);
  facts.writeUInt16LE(firstDay, 8);
  facts.writeUInt32LE(
    parts.reduce((sum, part) => crc32(part, sum), 0),
    10,
  );
  facts.writeUInt32LE(sizeOf(parts), 14);
  facts.writeUInt32LE(sizeOf(parts), 18);
  facts.writeUInt16LE(nameLength, 22);
  return facts;
}

function endOf(entries: readonly Uint8Array[], directoryStart: number): Buffer {
  const end = Buffer.alloc(22);
  end.writeUInt32LE(endMark);
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(sizeOf(entries), 12);
  end.writeUInt32LE(directoryStart, 16);
  return end;
}

function sizeOf(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, part) => sum + part.length, 0);
}
