// SPDX-License-Identifier: Apache-2.0
// From the windows of several rounds to one row of the table: medians, so that one disturbed window does not count.
import type { Measured, Window } from "../results.js";

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** Each round begins with another one. */
export function inTurn<T>(all: readonly T[], round: number): T[] {
  const first = all.length > 0 ? round % all.length : 0;
  return [...all.slice(first), ...all.slice(0, first)];
}

/**
 * How many times the rate of `to` that of `of` is: the median over the rounds, in each of which both had their windows one
 * after the other. What slows a whole round, or a whole run, does not count.
 */
export function rateRatio(of: Measured, to: Measured): number {
  const rounds = Math.min(of.rates.length, to.rates.length);
  return median(of.rates.slice(0, rounds).map((rate, round) => rate / (to.rates[round] ?? Number.NaN)));
}

/** `windows`: one or more, of one server under one load, whose requests carry `rows` rows each. */
export function summarizeWindows(server: string, windows: readonly Window[], rows: number): Measured {
  const over = (value: (window: Window) => number) => median(windows.map(value));
  const rates = windows.map(({ load }) => load.requests / load.seconds);
  const percentiles = windows[0]?.load.profile.map(([p]) => p) ?? [];
  const profile = percentiles.map((p, i) => [p, over(({ load }) => load.profile[i]?.[1] ?? Number.NaN)] as const);
  const at = (percentile: number) => profile.find(([p]) => p === percentile)?.[1] ?? Number.NaN;
  const requestsPerSecond = median(rates);
  const delays = windows.flatMap(({ loopDelay }) => (loopDelay === undefined ? [] : [loopDelay.p99]));
  const lags = windows.flatMap(({ load }) => (load.lagMicros === undefined ? [] : [load.lagMicros]));
  return {
    server,
    rounds: windows.length,
    requestsPerSecond,
    rowsPerSecond: requestsPerSecond * rows,
    rates,
    failed: windows.reduce((total, { load }) => total + load.failed, 0),
    ...{ p50: at(50), p90: at(90), p99: at(99), p999: at(99.9), profile },
    cpuMicrosPerRequest: over(({ load, cpuSeconds }) => (1e6 * cpuSeconds) / Math.max(1, load.requests)),
    rssMiB: over(({ rssBytes }) => rssBytes / 2 ** 20),
    ...(delays.length > 0 ? { loopDelayMs: median(delays) } : {}),
    ...(lags.length > 0 ? { lagMicros: median(lags) } : {}),
  };
}
