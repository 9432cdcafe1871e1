// SPDX-License-Identifier: Apache-2.0
import { Bench } from "tinybench";
import type { MicroResult } from "../results.js";

export interface Case {
  readonly name: string;
  readonly run: () => unknown;
  /** How many `per` one call of `run` handles. */
  readonly count: number;
  readonly per: string;
}

/** Times each case for `milliseconds` and gives the median of its calls. */
export async function measure(piece: string, cases: readonly Case[], milliseconds: number): Promise<MicroResult[]> {
  const bench = new Bench({ name: piece, time: milliseconds, warmupTime: milliseconds / 4, throws: true });
  for (const { name, run } of cases) bench.add(name, run);
  const tasks = await bench.run();
  return cases.map(({ name, count, per }, i): MicroResult => {
    const result = tasks[i]?.result;
    if (result === undefined || !("latency" in result)) throw new Error(`${piece}, ${name}: no result`);
    return { piece, name, side: "js", nanoseconds: (result.latency.p50 * 1e6) / count, per };
  });
}
