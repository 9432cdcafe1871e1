// SPDX-License-Identifier: Apache-2.0
// What an operator may ask of the repository while it is served. One owner answers, whatever thread is asked.
import type { VersionState } from "./route-table.js";

/** A model that is in the repository and was never loaded has a name only. */
export interface IndexEntry {
  readonly name: string;
  readonly version?: string;
  readonly state?: VersionState;
  readonly reason?: string;
}

/** What a load uses instead of what is on disk, until the next plain load. */
export interface LoadOverride {
  /** Text of the configuration, in JSON: Triton's ModelConfig, or the keys of `config.yaml`. */
  readonly config?: string;
  /** Files by their path in the model's directory, such as "1/model.onnx". */
  readonly files?: ReadonlyMap<string, Uint8Array>;
}

/** Who decides what is loaded: nobody after the start, the directory, or the one who calls. */
export const controlModes = ["none", "poll", "explicit"] as const;
export type ControlMode = (typeof controlModes)[number];

export interface RepositoryAdmin {
  readonly control: ControlMode;
  /** Every version of every model that is there, by name and version. */
  index(): Promise<IndexEntry[]>;
  /**
   * Loads a model, or loads it anew; resolves once it is ready. What was loaded goes on serving until then, and for good
   * when this rejects: ERR_MODEL_NOT_FOUND, ERR_INVALID_CONFIG, ERR_LOAD_FAILED, ERR_OUT_OF_MEMORY, ERR_NOT_ALLOWED (control is not explicit).
   */
  load(name: string, override?: LoadOverride): Promise<void>;
  /**
   * Takes a model out of service; requests in flight are answered. An unknown name is no error. Rejects with ERR_NOT_ALLOWED
   * when control is not explicit.
   */
  unload(name: string): Promise<void>;
}
