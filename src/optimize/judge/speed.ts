// SPDX-License-Identifier: Apache-2.0
// Two models timed in one process, run by run in turns, so that whatever slows the machine down slows both.
import type { PredictInputs } from "../../runtime/inputs.js";
import type { Model } from "../../runtime/model.js";
import type { ProviderChoice } from "../../runtime/model-options.js";
import type { OnnxModel } from "../onnx/model-file.js";
import type { Workbench } from "../run/workbench.js";

export interface SpeedComparison {
  /** Median time of one run in ONNX Runtime, in microseconds, on `threads` threads. */
  readonly beforeMicros: number;
  readonly afterMicros: number;
  /** Median over rounds of before / after: above 1 is faster. */
  readonly speedup: number;
  readonly rounds: number;
  readonly threads: number;
}

export interface Contender {
  readonly model: Model;
  readonly inputs: PredictInputs;
}

const leastRounds = 9;
const mostRounds = 101;
/** Per contender and round: short runs are repeated to be measurable. */
const roundMicros = 2000;

/** Takes about `budgetMs` milliseconds, unless the least number of rounds takes longer. */
export async function compareSpeed(
  before: Contender,
  after: Contender,
  budgetMs = 3000,
  threads = 1,
): Promise<SpeedComparison> {
  const pair = [before, after] as const;
  for (const one of pair) await runMicros(one, 2); // the first runs allocate
  const repeats: number[] = [];
  for (const one of pair) repeats.push(Math.max(1, Math.ceil(roundMicros / Math.max(1, await runMicros(one, 1)))));
  const times: [number, number][] = [];
  const end = performance.now() + budgetMs;
  while (times.length < leastRounds || (times.length < mostRounds && performance.now() < end)) {
    const round: number[] = [];
    for (const [i, one] of pair.entries()) round.push(await runMicros(one, repeats[i] as number));
    times.push(round as [number, number]);
  }
  return {
    beforeMicros: median(times.map(([a]) => a)),
    afterMicros: median(times.map(([, b]) => b)),
    speedup: median(times.map(([a, b]) => a / b)),
    rounds: times.length,
    threads,
  };
}

/** A model that is loaded to be timed. */
export interface TimedModel {
  readonly source: OnnxModel | string;
  readonly inputs: PredictInputs;
  /** Default: the CPU. */
  readonly providers?: readonly ProviderChoice[];
}

/** As {@link compareSpeed}. Rejects as Model.load() does. */
export async function compareLoaded(
  bench: Workbench,
  before: TimedModel,
  after: TimedModel,
  budgetMs?: number,
): Promise<SpeedComparison> {
  const load = ({ source, providers }: TimedModel) => bench.load(source, providers && { providers });
  const first = await load(before);
  try {
    const second = await load(after);
    const pair = [
      { model: first, inputs: before.inputs },
      { model: second, inputs: after.inputs },
    ] as const;
    return await compareSpeed(...pair, budgetMs).finally(() => second.close());
  } finally {
    await first.close();
  }
}

/** Mean time of a run inside ONNX Runtime, without the way there and back. */
async function runMicros({ model, inputs }: Contender, runs: number): Promise<number> {
  const start = model.stats().computeInfer.nanoseconds;
  for (let i = 0; i < runs; i++) await model.predict(inputs);
  return (model.stats().computeInfer.nanoseconds - start) / runs / 1000;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
