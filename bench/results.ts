// SPDX-License-Identifier: Apache-2.0
// The shape of one bench run, as it is written to bench/results/*.json and read by the reports.
import type { LoopDelay } from "./compare/process.js";
import type { FeatureGoal } from "./features/features.js";
import type { LoadResult } from "./load/load.js";

/** One server under one load in one window. */
export interface Window {
  readonly load: LoadResult;
  /** User and system time of the server process over the window, seconds. */
  readonly cpuSeconds: number;
  /** Wall-clock time that cpuSeconds belongs to, seconds. */
  readonly wallSeconds: number;
  readonly rssBytes: number;
  readonly loopDelay?: LoopDelay;
}

/** The median over the rounds, field by field. */
export interface Measured {
  readonly server: string;
  readonly rounds: number;
  readonly requestsPerSecond: number;
  readonly rowsPerSecond: number;
  /** Requests/s round by round. */
  readonly rates: readonly number[];
  /** Requests that failed, all rounds together. */
  readonly failed: number;
  /** Microseconds. */
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly profile: readonly (readonly [number, number])[];
  readonly cpuMicrosPerRequest: number;
  readonly rssMiB: number;
  /** 99th percentile, milliseconds. */
  readonly loopDelayMs?: number;
  /** Open loop: the load generator's own 99th percentile lateness, microseconds. */
  readonly lagMicros?: number;
}

export interface ClosedPoint extends Measured {
  readonly connections: number;
}

export interface OpenPoint extends Measured {
  /** Requests per second that were due. */
  readonly rate: number;
}

/** The bare ONNX Runtime loop: no server, no copies, `threads` callers with one session. */
export interface CeilingPoint {
  readonly batch: number;
  readonly threads: number;
  readonly runsPerSecond: number;
  readonly rowsPerSecond: number;
}

export interface WorkloadResult {
  readonly id: string;
  readonly title: string;
  readonly requestBytes: number;
  readonly headline: number;
  readonly closed: readonly ClosedPoint[];
  readonly open: readonly OpenPoint[];
  readonly ceiling: readonly CeilingPoint[];
  /** Servers left out of this workload, and why. */
  readonly left: Readonly<Record<string, string>>;
}

/** Variants of one feature, measured side by side; `server` is the variant's id. */
export interface FeatureResult {
  readonly id: string;
  readonly title: string;
  readonly connections: number;
  readonly goals: readonly FeatureGoal[];
  readonly points: readonly (Measured & { readonly title: string; readonly reloads: number })[];
}

export interface MicroResult {
  readonly piece: string;
  readonly name: string;
  /** "native": bench/native/core_bench; "js": tinybench. */
  readonly side: "native" | "js";
  readonly nanoseconds: number;
  /** What the nanoseconds are for: "float", "batch", "call", ... */
  readonly per: string;
}

/** Bytes of one request on one path, and how often the core copied each of them. */
export interface CopyResult {
  readonly path: string;
  readonly payloadIn: number;
  readonly payloadOut: number;
  readonly copiedIn: number;
  readonly copiedOut: number;
  /** Copies of a payload byte that are allowed; undefined: shown only. */
  readonly limit: { readonly in: number; readonly out: number } | undefined;
}

export interface Goal {
  readonly text: string;
  readonly target: number;
  /** Undefined when the run did not measure it. */
  readonly measured: number | undefined;
  readonly unit: string;
  readonly passed: boolean | undefined;
}

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly system: string;
  readonly versions: Readonly<Record<string, string>>;
}

export interface BenchResults {
  readonly schema: 1;
  readonly date: string;
  readonly command: string;
  readonly commit: string;
  readonly seconds: number;
  readonly machine: Machine;
  readonly workloads: readonly WorkloadResult[];
  readonly features: readonly FeatureResult[];
  readonly micro: readonly MicroResult[];
  readonly copies: readonly CopyResult[];
  readonly goals: readonly Goal[];
  /** Things a reader must know: missing tools, servers left out. */
  readonly notes: readonly string[];
}
