// SPDX-License-Identifier: Apache-2.0
// The process-wide engine: started once, shared by every thread and every model.
import { homedir, totalmem } from "node:os";
import { join, resolve } from "node:path";
import { type ErrorCode, OrtserveError } from "../errors.js";
import type { NativeBinding } from "../native/binding.js";
import { nativeBinding } from "../native/load.js";
import { ortLibraryPath } from "../native/ort-library.js";
import { nativeError } from "./native-error.js";
import { checkOptions, type OptionTable } from "./option-check.js";

/** Fixed by the first start in a process; later starts change nothing. */
export interface EngineOptions {
  /** Cores inference may use at once. Default: those of the affinity mask and the cgroup quota. */
  cores?: number;
  /** Folder with libonnxruntime and its provider libraries. Default: `ORTSERVE_ORT_DIR`, else package onnxruntime-node. */
  ortDir?: string;
  /** Bound on tensor memory in use, in bytes; beyond it requests fail with ERR_OUT_OF_MEMORY. Default: half of the memory. */
  maxBufferBytes?: number;
  /** Idle tensor memory kept for reuse, in bytes. Default: 256 MiB. */
  maxRetainedBytes?: number;
  /** Bound on the prediction cache of all models, in bytes. Models use it when they ask to. Default: 256 MiB. */
  cacheBytes?: number;
  /**
   * Folder in which TensorRT's engines and timings are kept, a folder below it per model, version and GPU; false: they are
   * built anew at each load. Default: `ortserve/engines` in `XDG_CACHE_HOME`, or in `~/.cache`.
   */
  engineCache?: string | false;
}

export interface EngineInfo {
  readonly libraryPath: string;
  /** Version of ONNX Runtime. */
  readonly version: string;
  /** Execution providers compiled into the library, whether or not this machine can use them. */
  readonly providers: readonly string[];
  readonly cores: number;
}

/** Tensor memory of the whole process, in bytes and calls. */
export type BufferStats = Readonly<ReturnType<NativeBinding["bufferStats"]>>;

const engineOptionTable: OptionTable<EngineOptions> = {
  cores: { kind: "integer", min: 1, max: 1024 },
  ortDir: { kind: "string" },
  maxBufferBytes: { kind: "integer", min: 1 << 20, max: Number.MAX_SAFE_INTEGER },
  maxRetainedBytes: { kind: "integer", min: 0, max: Number.MAX_SAFE_INTEGER },
  cacheBytes: { kind: "integer", min: 0, max: Number.MAX_SAFE_INTEGER },
  engineCache: {
    kind: "custom",
    check: (value) =>
      value === false || (typeof value === "string" && value !== "") ? undefined : "a folder, or false",
  },
};

let started: NativeBinding | undefined;

/** Loads the addon and ONNX Runtime. Called by `Model.load`; call it before to choose {@link EngineOptions}. */
export function startEngine(options: EngineOptions = {}): EngineInfo {
  return engineBinding(options).engine();
}

/** The binding, with its engine running. */
export function engineBinding(options: EngineOptions = {}): NativeBinding {
  if (started) return started;
  checkOptions("engine", options, engineOptionTable);
  const binding = nativeBinding();
  try {
    binding.start(ortLibraryPath(options.ortDir), {
      cores: options.cores ?? 0,
      maxBufferBytes: options.maxBufferBytes ?? Math.floor(usableMemory() / 2),
      maxRetainedBytes: options.maxRetainedBytes ?? 256 * 2 ** 20,
      cacheBytes: options.cacheBytes ?? 256 * 2 ** 20,
      engineCache: engineFolder(options.engineCache),
    });
  } catch (error) {
    throw nativeError(error);
  }
  started = binding;
  return binding;
}

/** Absolute; "" where engines are not kept. */
function engineFolder(folder: string | false | undefined): string {
  if (folder === false) return "";
  if (folder !== undefined) return resolve(folder);
  return join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "ortserve", "engines");
}

/** Bytes this process may use: the machine's memory, or the container's share of it. */
function usableMemory(): number {
  const limit = process.constrainedMemory(); // 0 or an absurd number where there is no limit
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}

/** Memory counters of the process's tensor pool. */
export function bufferStats(): BufferStats {
  return engineBinding().bufferStats();
}

/** Name of a native code; an unknown one is a bug and says so. */
export function codeName(binding: NativeBinding, code: number): ErrorCode {
  const name = binding.codes[code];
  if (name === undefined) throw new OrtserveError("ERR_INTERNAL", `the addon reported the unknown code ${code}`);
  return name as ErrorCode;
}
