// SPDX-License-Identifier: Apache-2.0
// Calibration files as NumPy writes them, checksums left out: .npy, and .npz.
import { deflateRawSync } from "node:zlib";

const codes = {
  Float32Array: "<f4",
  Float64Array: "<f8",
  Uint8Array: "|u1",
  BigInt64Array: "<i8",
  Int32Array: "<i4",
} as const;
type Elements = Float32Array | Float64Array | Uint8Array | BigInt64Array | Int32Array;

export function npy(shape: readonly number[], data: Elements, changes: { order?: "True"; code?: string } = {}): Buffer {
  const code = changes.code ?? codes[data.constructor.name as keyof typeof codes];
  const dims = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
  const text = `{'descr': '${code}', 'fortran_order': ${changes.order ?? "False"}, 'shape': (${dims}), }`;
  const header = `${text.padEnd(Math.ceil((text.length + 11) / 64) * 64 - 11)}\n`;
  const length = Buffer.alloc(2);
  length.writeUInt16LE(header.length);
  const magic = Buffer.from("\x93NUMPY\x01\x00", "latin1");
  return Buffer.concat([
    magic,
    length,
    Buffer.from(header, "latin1"),
    Buffer.from(data.buffer, data.byteOffset, data.byteLength),
  ]);
}

/** `compress` as numpy.savez_compressed, else as numpy.savez. */
export function npz(arrays: Readonly<Record<string, Buffer>>, compress = false): Buffer {
  const files: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [key, bytes] of Object.entries(arrays)) {
    const name = Buffer.from(`${key}.npy`);
    const packed = compress ? deflateRawSync(bytes) : bytes;
    const fields = Buffer.alloc(26);
    fields.writeUInt16LE(20, 0);
    fields.writeUInt16LE(compress ? 8 : 0, 4);
    fields.writeUInt32LE(packed.length, 14);
    fields.writeUInt32LE(bytes.length, 18);
    fields.writeUInt16LE(name.length, 22);
    const local = Buffer.concat([Buffer.from("PK\x03\x04"), fields, name, packed]);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(offset, 10);
    directory.push(Buffer.concat([Buffer.from("PK\x01\x02\x14\x00"), fields, tail, name]));
    files.push(local);
    offset += local.length;
  }
  const entries = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06", "latin1");
  end.writeUInt16LE(directory.length, 8);
  end.writeUInt16LE(directory.length, 10);
  end.writeUInt32LE(entries.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...files, entries, end]);
}
