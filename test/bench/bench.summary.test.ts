// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";
import { inTurn, summarizeWindows } from "../../bench/compare/summary.js";
import { judgeGoals } from "../../bench/goals.js";
import { summarize } from "../../bench/load/latencies.js";
import type { ClosedPoint, Window, WorkloadResult } from "../../bench/results.js";

const window = (requests: number, micros: number): Window => ({
  load: {
    requests,
    seconds: 2,
    failed: 1,
    profile: [
      [50, micros],
      [90, micros],
      [99, micros],
      [99.9, micros],
    ],
    maxMicros: micros,
  },
  cpuSeconds: 1,
  wallSeconds: 2,
  rssBytes: 2 ** 20,
});

const point = (server: string, requests: number, micros: number): ClosedPoint => ({
  ...summarizeWindows(server, [window(requests, micros)], 1),
  connections: 64,
});

const workload = (...closed: ClosedPoint[]): WorkloadResult => ({
  ...{ id: "tiny-json", title: "", requestBytes: 1, headline: 64, closed, open: [], ceiling: [], left: {} },
});

test("a goal without its measurement is neither met nor missed", () => {
  const goals = judgeGoals([workload(point("ortserve", 100, 10))], [], []);
  assert.ok(goals.every(({ passed, measured }) => passed === undefined && measured === undefined));
});

test("ratios are read at the headline concurrency", () => {
  const goals = judgeGoals([workload(point("ortserve", 290, 10), point("fastify", 100, 20))], [], []);
  assert.deepEqual(
    goals.slice(0, 2).map(({ measured, passed }) => [measured, passed]),
    [
      [2.9, false],
      [0.5, true],
    ],
  );
});

test("a ratio is the median over the rounds, so that what slows a whole round does not count", () => {
  const of = (server: string, ...requests: number[]) => ({
    ...summarizeWindows(
      server,
      requests.map((count) => window(count, 10)),
      1,
    ),
    connections: 64,
  });
  const goals = judgeGoals([workload(of("ortserve", 300, 90, 310), of("fastify", 100, 30, 100))], [], []);
  assert.equal(goals[0]?.measured, 3);
});

test("each round begins with another one", () => {
  assert.deepEqual(
    [0, 1, 2, 3].map((round) => inTurn(["a", "b", "c"], round).join("")),
    ["abc", "bca", "cab", "abc"],
  );
});

test("a feature is judged against the variant that it names, or by its failures", () => {
  const feature = { id: "f", title: "", connections: 1 };
  const points = [
    { ...point("off", 200, 10), title: "", reloads: 0 },
    { ...point("on", 150, 10), title: "", reloads: 0, failed: 1, cpuMicrosPerRequest: 2000 },
  ];
  const share = { text: "a", unit: "%", target: 75, of: "on", to: ["off"] } as const;
  const times = { text: "b", unit: "x", target: 1, of: "on", to: ["off"] } as const;
  const failed = { text: "c", unit: "", target: 0, of: "on" } as const;
  const saved = { text: "e", unit: "x", target: 2, by: "cpu", of: "on", to: ["off"] } as const;
  const missing = { text: "d", unit: "x", target: 1, of: "on", to: ["gone"] } as const;
  const goals = judgeGoals(
    [],
    [share, times, failed, missing, saved].map((goal) => ({ ...feature, goals: [goal], points })),
    [],
  );
  assert.deepEqual(
    goals.filter(({ text }) => /^[abcde]\b/.test(text)).map(({ measured, passed }) => [measured, passed]),
    [
      [75, true],
      [0.75, false],
      [1, false],
      [undefined, undefined],
      [2.5, true],
    ],
  );
});

test("one disturbed window does not move the summary", () => {
  const summary = summarizeWindows("s", [window(200, 10), window(20, 9000), window(204, 12)], 4);
  assert.equal(summary.requestsPerSecond, 100);
  assert.equal(summary.rowsPerSecond, 400);
  assert.equal(summary.p99, 12);
  assert.equal(summary.failed, 3);
  assert.deepEqual(summary.rates, [100, 10, 102]);
});

test("percentiles are those of the nearest rank, in whole microseconds", () => {
  const latencies = Array.from({ length: 100 }, (_, i) => (100 - i) / 1000);
  assert.deepEqual(summarize(latencies, [1, 50, 99, 99.9]), {
    profile: [
      [1, 1],
      [50, 50],
      [99, 99],
      [99.9, 100],
    ],
    max: 100,
  });
});
