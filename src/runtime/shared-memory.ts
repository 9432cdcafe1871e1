// SPDX-License-Identifier: Apache-2.0
// System shared memory of this process's clients: regions that requests over a wire may name instead of bringing tensors.
import type { NativeRegion } from "../native/shared-memory.js";
import { engineBinding } from "./engine.js";
import { nativeError } from "./native-error.js";

export type SharedRegion = NativeRegion;

/**
 * Maps `byteSize` bytes at `offset` of the POSIX shared memory object `key`. Regions belong to the process, whatever thread asks.
 * @throws OrtserveError ERR_INVALID_ARGUMENT (the name is taken; no such object, or a smaller one), ERR_UNSUPPORTED (Windows)
 */
export function addSharedRegion({ name, key, offset, byteSize }: SharedRegion): void {
  try {
    engineBinding().sharedMemory.add(name, key, offset, byteSize);
  } catch (error) {
    throw nativeError(error);
  }
}

/** Forgets a region, or with "" all of them. Requests that use it keep its memory until they are done. */
export function removeSharedRegion(name: string): void {
  const { sharedMemory } = engineBinding();
  if (name === "") sharedMemory.clear();
  else sharedMemory.remove(name);
}

/** All regions, by name. */
export function sharedRegions(): SharedRegion[] {
  return engineBinding().sharedMemory.list();
}
