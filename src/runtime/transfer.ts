// SPDX-License-Identifier: Apache-2.0
// Takes input memory over from the caller, so that native threads can read it in place.
import { OrtserveError } from "../errors.js";
import type { NativeTensor } from "../native/binding.js";
import type { TypedArray } from "./tensor.js";

/**
 * The same tensors on memory that nobody else can move, shrink or write: ArrayBuffers are transferred (the caller's are detached,
 * all or none), SharedArrayBuffers stay, since they cannot be detached. Throws ERR_INVALID_ARGUMENT for memory that may
 * not be transferred, such as small Node Buffers, which share one pool.
 */
export function lendable(tensors: (NativeTensor | undefined)[]): (NativeTensor | undefined)[] {
  const buffers = new Set<ArrayBuffer>();
  for (const tensor of tensors) {
    if (tensor && ArrayBuffer.isView(tensor.data) && tensor.data.buffer instanceof ArrayBuffer)
      buffers.add(tensor.data.buffer);
  }
  const moved = transferAll([...buffers]);
  return tensors.map((tensor) => {
    if (!tensor || Array.isArray(tensor.data)) return tensor;
    const view = tensor.data as TypedArray;
    const buffer = moved.get(view.buffer);
    if (!buffer) return tensor;
    const type = view.constructor as new (buffer: ArrayBuffer, offset: number, length: number) => TypedArray;
    return { ...tensor, data: new type(buffer, view.byteOffset, view.length) };
  });
}

function transferAll(buffers: ArrayBuffer[]): Map<ArrayBufferLike, ArrayBuffer> {
  try {
    const moved = structuredClone(buffers, { transfer: buffers });
    return new Map(buffers.map((buffer, i) => [buffer, moved[i] as ArrayBuffer]));
  } catch (cause) {
    throw new OrtserveError(
      "ERR_INVALID_ARGUMENT",
      "the memory of an input cannot be transferred; leave out 'transfer', or use a typed array with its own ArrayBuffer",
      { cause },
    );
  }
}
