// SPDX-License-Identifier: Apache-2.0
// The part of the addon's surface that is about memory which clients share with this process.

/** A part of a POSIX shared memory object. */
export interface NativeRegion {
  name: string;
  /** Name of the object, such as "/input". */
  key: string;
  /** In bytes. */
  offset: number;
  byteSize: number;
}

/** Regions by name; of the process, not of one environment. Throws. */
export interface NativeSharedMemory {
  add(name: string, key: string, offset: number, byteSize: number): void;
  /** False: there was none of that name. */
  remove(name: string): boolean;
  clear(): void;
  list(): NativeRegion[];
}
