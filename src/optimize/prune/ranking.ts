// SPDX-License-Identifier: Apache-2.0
// What channels and weights are ranked by: samples, or without any the weights themselves.
import { isMadeUp, type SampleSource } from "../data/open-samples.js";
import type { Samples } from "../data/samples.js";
import type { Criterion } from "./importance.js";

export interface Ranking {
  readonly samples: number;
  readonly criterion: Criterion;
}

export function rankedBy(source: SampleSource, calibration: Samples): Ranking {
  return isMadeUp(source)
    ? { samples: 0, criterion: "weights" }
    : { samples: calibration.count, criterion: "activations" };
}

export const madeUpWarning = "ranked by weights and judged on made-up inputs: quality on real data is unknown";
