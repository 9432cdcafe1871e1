// SPDX-License-Identifier: Apache-2.0
// What this machine has for inference.
import { cpus } from "node:os";
import { dirname } from "node:path";
import type { NativeDevices, NativeGpu } from "../native/devices.js";
import { nativeBinding } from "../native/load.js";
import { ortLibraryPath } from "../native/ort-library.js";

export type GpuState = NativeGpu;

/** The machine's CPU and GPUs, and which execution providers can be used. */
export interface Devices extends NativeDevices {
  /** Model name of the first CPU; "" where the system does not tell. */
  readonly cpu: string;
  /** Folder of the ONNX Runtime library, beside which its providers are looked for. */
  readonly ortFolder: string;
}

/**
 * Asks the machine, and loads the libraries that the providers need: for a tool, not for a server at work. `ortDir`: as
 * `EngineOptions.ortDir`. Throws ERR_LIBRARY_UNAVAILABLE where ONNX Runtime is missing.
 */
export function devices(ortDir?: string): Devices {
  const ortFolder = dirname(ortLibraryPath(ortDir));
  return { cpu: cpus()[0]?.model.trim() ?? "", ortFolder, ...nativeBinding().devices(ortFolder) };
}

const millisBetweenReads = 1000;
let last: { at: number; gpus: Promise<readonly GpuState[]> } | undefined;

/** The GPUs as they were at most a second ago; empty where there is none. */
export function gpuStates(): Promise<readonly GpuState[]> {
  const now = performance.now();
  if (last === undefined || now - last.at > millisBetweenReads) last = { at: now, gpus: nativeBinding().gpus() };
  return last.gpus;
}
