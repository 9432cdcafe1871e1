// SPDX-License-Identifier: Apache-2.0
// How the owner of the models tells the threads that answer requests which version answers what.
import type { Servable } from "./model-store.js";

/** Where a version is in its life, in the words of the Open Inference Protocol's repository extension. */
export type VersionState = "LOADING" | "READY" | "UNLOADING" | "UNAVAILABLE";

/** A version that exists and takes no requests. */
export interface VersionStatus {
  readonly version: string;
  readonly state: Exclude<VersionState, "READY">;
  /** Why; "" while it is loading. */
  readonly reason: string;
}

/** All that a thread must know of one model to route its requests. Replaces what it knew of that model before. */
export interface ModelRoutes {
  readonly name: string;
  /** Versions that take requests, ascending by number; empty when none does. */
  readonly ready: readonly Servable[];
  /** The version that answers when a request names none. Where its configuration pins it, it may be one that is not ready. */
  readonly defaultVersion: string;
  /** Names for versions, such as stable -> 2. One that is not ready is not answered for by another. */
  readonly labels: Readonly<Record<string, string>>;
  readonly others: readonly VersionStatus[];
}

/** A thread's routes, or those of several threads behind one face. */
export interface RouteTable {
  /** Once this resolves, no request that comes is given to a version that `routes` leaves out. */
  apply(routes: ModelRoutes): Promise<void>;
  /** The model is gone from the repository: once this resolves, requests for it are answered "not found". */
  forget(name: string): Promise<void>;
}
