// SPDX-License-Identifier: Apache-2.0
// What a quantization reports: everything needed to judge it, and to make it again.

import type { Quality } from "../judge/quality.js";
import type { SpeedComparison } from "../judge/speed.js";
import type { Provenance } from "../run/model-change.js";
import type { Stage } from "../run/stage-clock.js";
import type { FusionProof } from "./fusion-proof.js";
import type { IntegerInput } from "./integer-input.js";
import type { IntegerOutput } from "./integer-output.js";
import type { FloatNode } from "./layers.js";
import type { RangeMethod } from "./range.js";
import type { LayerSensitivity } from "./sensitivity.js";
import type { Target } from "./target.js";

/** "half": FP16, for the target cuda. */
export type Mode = "static" | "dynamic" | "half";

export interface TensorRange {
  readonly tensor: string;
  readonly min: number;
  readonly max: number;
  readonly scale: number;
  readonly zeroPoint: number;
}

/** A step that was tried because it may help, and kept if it did. */
export interface Trial {
  readonly what: string;
  readonly sqnr: number;
  readonly kept: boolean;
}

export interface LayerNoise {
  readonly layer: string;
  /** Of this layer's result in the finished model, all errors before it included, in dB. */
  readonly sqnr: number;
}

export interface QuantizeReport extends Provenance {
  readonly target: Target;
  readonly mode: Mode;
  /** What took how long, in the order in which it began; a stage that came several times once. */
  readonly stages: readonly Stage[];
  readonly calibration: { readonly samples: number; readonly method: RangeMethod };
  readonly layers: { readonly quantized: number; readonly float: readonly FloatNode[] };
  readonly excluded: readonly string[];
  readonly quality: Quality;
  readonly goals: { readonly maxDrop: number; readonly minSqnr: number; readonly minSpeedup: number };
  readonly trials: readonly Trial[];
  readonly sensitivity: readonly LayerSensitivity[];
  readonly noise: readonly LayerNoise[];
  readonly ranges: readonly TensorRange[];
  readonly inputs: readonly IntegerInput[];
  readonly outputs: readonly IntegerOutput[];
  readonly fusion: FusionProof | undefined;
  /** Undefined where the target's provider is not there to be timed. */
  readonly speed: SpeedComparison | undefined;
  readonly bytes: { readonly before: number; readonly after: number };
  /** What a reader should know: nothing here made the tool refuse. */
  readonly warnings: readonly string[];
}
