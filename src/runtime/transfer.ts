// SPDX-License-Identifier: Apache-2.0
// Takes input memory over from the caller, so that native threads can read it in place.
import { OrtserveError } from "../errors.js";
import type { NativeTensor } from "../native/binding.js";
import { datatypes, type TypedArray } from "./tensor.js";

/**
 * The same tensors on memory that nobody else can move, shrink or write: ArrayBuffers are transferred (the caller's are detached,
 * all or none), SharedArrayBuffers stay, since they cannot be detached. Throws ERR_INVALID_ARGUMENT for memory that may
 * not be transferred, such as small Node Buffers, which share one pool.
 */
export function lendable(tensors: (NativeTensor | undefined)[]): (NativeTensor | undefined)[] {
  // Where each view lies is read first: a detached view no longer knows.
  const places = tensors.map((tensor) => placeOf(tensor));
  const buffers = new Set(places.flatMap((place) => place?.buffer ?? []));
  const moved = transferAll([...buffers]);
  return tensors.map((tensor, i) => {
    const place = places[i];
    const buffer = place && moved.get(place.buffer);
    return tensor && buffer ? { ...tensor, data: new place.type(buffer, place.byteOffset, place.length) } : tensor;
  });
}

/**
 * Bytes of files that the caller can no longer change: copies, or with `transfer` the same memory as {@link lendable} has it.
 * Throws ERR_INVALID_INPUT for a detached array, and with `transfer` what lendable throws.
 */
export function ownedFiles(files: readonly { bytes: Uint8Array; input: string }[], transfer: boolean): Uint8Array[] {
  for (const { bytes, input } of files) {
    if (bytes.byteLength === 0 && bytes.buffer instanceof ArrayBuffer && isDetached(bytes.buffer))
      throw new OrtserveError(
        "ERR_INVALID_INPUT",
        `expected the bytes of a file for input ${input}, got a detached array`,
      );
  }
  if (!transfer) return files.map(({ bytes }) => new Uint8Array(bytes));
  const tensors = files.map(({ bytes }) => ({ dtype: datatypes.indexOf("UINT8"), dims: [bytes.length], data: bytes }));
  return lendable(tensors).map((tensor) => tensor?.data as Uint8Array);
}

interface Place {
  type: new (buffer: ArrayBuffer, byteOffset: number, length: number) => TypedArray;
  buffer: ArrayBuffer;
  byteOffset: number;
  length: number;
}

function placeOf(tensor: NativeTensor | undefined): Place | undefined {
  if (!tensor || Array.isArray(tensor.data)) return undefined;
  const view = tensor.data as TypedArray;
  if (!(view.buffer instanceof ArrayBuffer)) return undefined;
  if (view.buffer.byteLength === 0 && isDetached(view.buffer)) throw alreadyDetached();
  // Small Buffers lie in one pool: moving it would take every other one along.
  if (Buffer.isBuffer(view) && view.byteLength < view.buffer.byteLength) throw untransferable();
  // A Buffer is a Uint8Array with a constructor of its own.
  const type = (view instanceof Uint8Array ? Uint8Array : view.constructor) as Place["type"];
  return { type, buffer: view.buffer, byteOffset: view.byteOffset, length: view.length };
}

/** ArrayBuffer.prototype.detached, which Node 20 lacks. */
function isDetached(buffer: ArrayBuffer): boolean {
  try {
    new Uint8Array(buffer);
    return false;
  } catch {
    return true;
  }
}

function transferAll(buffers: ArrayBuffer[]): Map<ArrayBuffer, ArrayBuffer> {
  let moved: ArrayBuffer[];
  try {
    moved = structuredClone(buffers, { transfer: buffers });
  } catch (cause) {
    throw untransferable({ cause });
  }
  // Node 20 clones what is marked untransferable, where later versions throw.
  if (buffers.some((buffer) => buffer.byteLength > 0)) throw untransferable();
  return new Map(buffers.map((buffer, i) => [buffer, moved[i] as ArrayBuffer]));
}

function alreadyDetached(): OrtserveError {
  const message = "the memory of an input is detached: it was transferred before, to an earlier predict() for example";
  return new OrtserveError("ERR_INVALID_ARGUMENT", message);
}

function untransferable(options?: ErrorOptions): OrtserveError {
  const message =
    "the memory of an input cannot be transferred; leave out 'transfer', or use a typed array with its own ArrayBuffer";
  return new OrtserveError("ERR_INVALID_ARGUMENT", message, options);
}
