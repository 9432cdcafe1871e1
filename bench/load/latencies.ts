// SPDX-License-Identifier: Apache-2.0
/** Exact percentiles (nearest rank) of latencies in milliseconds, as whole microseconds. */
export function summarize(latenciesMs: readonly number[], percentiles: readonly number[]) {
  const sorted = Float64Array.from(latenciesMs).sort();
  const micros = (rank: number) => Math.round((sorted[rank] ?? 0) * 1000);
  const profile = percentiles.map((p): [number, number] => {
    const rank = Math.max(0, Math.ceil((p / 100) * sorted.length) - 1);
    return [p, micros(rank)];
  });
  return { profile, max: micros(sorted.length - 1) };
}
