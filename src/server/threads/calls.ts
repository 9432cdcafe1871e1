// SPDX-License-Identifier: Apache-2.0
// What the thread that controls a server and its HTTP threads ask of each other.
import type { ControlMode, IndexEntry, LoadOverride } from "../../serving/repository-admin.js";
import type { ModelRoutes } from "../../serving/route-table.js";
import type { ServableFacts } from "../../serving/servable.js";
import type { Settings } from "../options.js";
import type { LoggedCall } from "./log-relay.js";

/** What an HTTP thread is started with. */
export interface HttpWorkerData {
  readonly settings: Settings;
  readonly defaultModel: string | undefined;
  /** Of the SharedState. */
  readonly state: SharedArrayBuffer;
  /** Its number, from 0. */
  readonly thread: number;
  readonly logs: boolean;
  /** Of the repository; undefined when nobody owns it. */
  readonly control: ControlMode | undefined;
  /** Folder of the ONNX Runtime library that the process has loaded. */
  readonly ortDir: string;
}

/** {@link ModelRoutes} as they travel: models by their id. */
export type SentRoutes = Omit<ModelRoutes, "ready"> & { readonly ready: readonly SentServable[] };
export type SentServable = ServableFacts & { readonly model: number };

/** Of an HTTP thread. */
export interface ThreadCalls {
  /** Resolves when no new request reaches a version that is left out. */
  apply(routes: SentRoutes): Promise<void>;
  forget(name: string): Promise<void>;
  /** Whether the thread accepts connections now. */
  listen(port: number): boolean;
  /** Resolves when the thread has no connection left. */
  drain(_: undefined): Promise<void>;
  /** Closes every socket, and says so in the shared state. */
  stop(_: undefined): void;
}

/** Of the controlling thread. */
export interface ControlCalls {
  /** The thread has started and can be called. */
  started(_: undefined): void;
  log(call: LoggedCall): void;
  setLogLevel(level: string): void;
  index(_: undefined): Promise<IndexEntry[]>;
  load(what: { readonly name: string; readonly override: LoadOverride | undefined }): Promise<void>;
  unload(name: string): Promise<void>;
}
