// SPDX-License-Identifier: Apache-2.0
// What a pruning reports: everything needed to judge it, and to make it again.
import type { Goals } from "../judge/goals.js";
import type { Quality } from "../judge/quality.js";
import type { SpeedComparison } from "../judge/speed.js";
import type { Provenance } from "../run/model-change.js";
import type { Stage } from "../run/stage-clock.js";
import type { Equivalence } from "./equivalence.js";
import type { PortChange } from "./ports.js";
import type { Ranking } from "./ranking.js";

/** What a model is and needs. */
export interface Footprint {
  /** Multiply-accumulates of one run. */
  readonly macs: number;
  /** FP32 constants. */
  readonly parameters: number;
  /** On disk. */
  readonly bytes: number;
  /** Most bytes of tensors alive at once during a run. */
  readonly peakTensorBytes: number;
}

export interface GroupRow {
  /** The layer, or the input, that makes the channels; others may make the same ones. */
  readonly name: string;
  readonly layers: readonly string[];
  readonly kind: "layer" | "input" | "output";
  /** Channels of that layer. */
  readonly before: number;
  readonly after: number;
}

/** A sparsity that was tried. */
export interface Attempt {
  /** Share of the channels that were gone. */
  readonly sparsity: number;
  readonly drop: number;
  readonly sqnr: number;
  /** Whether the remaining weights were refitted; tried both ways where there are samples. */
  readonly refitted: boolean;
  readonly passed: boolean;
}

export interface PruneReport extends Provenance {
  readonly calibration: Ranking;
  /** Shares of the channels that could go. */
  readonly sparsity: { readonly asked: number | undefined; readonly reached: number };
  readonly macsRatio: number | undefined;
  readonly align: number;
  readonly refitted: boolean;
  readonly goals: Goals;
  readonly quality: Quality;
  readonly speed: SpeedComparison | undefined;
  readonly before: Footprint;
  readonly after: Footprint;
  readonly groups: readonly GroupRow[];
  readonly ports: readonly PortChange[];
  readonly equivalence: Equivalence;
  readonly attempts: readonly Attempt[];
  /** Tensors whose channels must stay, with the reason. */
  readonly obstacles: Readonly<Record<string, string>>;
  readonly stages: readonly Stage[];
  /** What a reader should know: nothing here made the tool refuse. */
  readonly warnings: readonly string[];
}
