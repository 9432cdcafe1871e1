// SPDX-License-Identifier: Apache-2.0
// Weights outside the model file: what makes models of more than 2 GiB, protobuf's bound, possible.
import { closeSync, fstatSync, openSync, readSync, writeSync } from "node:fs";
import { isAbsolute, join, normalize } from "node:path";
import { OrtserveError } from "../../errors.js";
import type { StringEntry, TensorProto } from "./messages.js";

/** One read or write call of the operating system takes less than 2 GiB. */
const chunkBytes = 2 ** 30;
/** Weights start on page boundaries, so that they can be mapped. */
const alignment = 4096;

/** The bytes of a tensor with external data, read now. Throws ERR_LOAD_FAILED. */
export function readExternal(tensor: TensorProto, directory: string): Uint8Array {
  const { path, offset, length } = externalPlace(tensor, directory);
  const name = tensor.name ?? "";
  let file: number;
  try {
    file = openSync(path, "r");
  } catch (cause) {
    throw failed(`cannot read ${path}, which holds initializer '${name}'`, { cause });
  }
  try {
    const size = fstatSync(file).size;
    const wanted = length ?? size - offset;
    if (wanted < 0 || offset + wanted > size) {
      throw failed(`initializer '${name}' ends at byte ${offset + wanted} of ${path}, which has ${size}`);
    }
    const bytes = new Uint8Array(wanted);
    for (let at = 0; at < wanted; ) {
      const read = readSync(file, bytes, at, Math.min(chunkBytes, wanted - at), offset + at);
      if (read === 0) throw failed(`${path} ended while initializer '${name}' was read`);
      at += read;
    }
    return bytes;
  } finally {
    closeSync(file);
  }
}

function externalPlace(tensor: TensorProto, directory: string): { path: string; offset: number; length?: number } {
  const entries = new Map(tensor.externalData.map(({ key, value }) => [key, value ?? ""]));
  const location = entries.get("location") ?? "";
  // A model from elsewhere must not name files of this machine.
  if (location === "" || isAbsolute(location) || normalize(location).split(/[\\/]/).includes("..")) {
    throw failed(
      `initializer '${tensor.name ?? ""}' has its data in '${location}', expected a path below the model's folder`,
    );
  }
  const [offset, length] = [Number(entries.get("offset") ?? 0), entries.get("length")];
  if (!Number.isSafeInteger(offset) || offset < 0)
    throw failed(`initializer '${tensor.name ?? ""}' has offset ${offset}`);
  return { path: join(directory, location), offset, ...(length !== undefined && { length: Number(length) }) };
}

/** Writes tensors one after another into one file, at page boundaries. */
export class ExternalWriter {
  readonly #file: number;
  readonly #location: string;
  #end = 0;

  /** `location` is the file's name beside the model. */
  constructor(path: string, location: string) {
    this.#file = openSync(path, "w");
    this.#location = location;
  }

  /** The tensor as it stands in the model: everything but its data. */
  add(tensor: TensorProto, bytes: Uint8Array): TensorProto {
    const offset = Math.ceil(this.#end / alignment) * alignment;
    for (let at = 0; at < bytes.length; )
      at += writeSync(this.#file, bytes, at, Math.min(chunkBytes, bytes.length - at), offset + at);
    this.#end = offset + bytes.length;
    const entry = (key: string, value: string | number): StringEntry => ({ key, value: String(value) });
    const { rawData: _inside, ...rest } = tensor;
    const externalData = [entry("location", this.#location), entry("offset", offset), entry("length", bytes.length)];
    return { ...rest, externalData, dataLocation: 1 };
  }

  close(): void {
    closeSync(this.#file);
  }
}

function failed(message: string, options?: ErrorOptions): OrtserveError {
  return new OrtserveError("ERR_LOAD_FAILED", message, options);
}
