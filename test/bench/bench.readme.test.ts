// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { summarizeWindows } from "../../bench/compare/summary.js";
import { withNumbers } from "../../bench/report/readme.js";
import type { BenchResults, ClosedPoint, Goal } from "../../bench/results.js";

const readme = readFileSync(join(import.meta.dirname, "..", "..", "README.md"), "utf8");

const point = (server: string, requests: number): ClosedPoint => {
  const load = { requests, seconds: 1, failed: 0, profile: [[99, 1500]] as [number, number][], maxMicros: 1500 };
  const window = { load, cpuSeconds: 1, wallSeconds: 1, rssBytes: 2 ** 20 };
  return { ...summarizeWindows(server, [window], 1), connections: 64 };
};

const goal = (text: string, measured: number, passed: boolean): Goal => ({
  text,
  target: 3,
  measured,
  unit: "x",
  passed,
});

const results: BenchResults = {
  ...{
    schema: 1,
    date: "2030-01-02T03:04:05Z",
    command: "",
    commit: "",
    seconds: 1,
    features: [],
    micro: [],
    copies: [],
  },
  machine: { cpu: "a processor", cores: 2, memoryGiB: 1, system: "", versions: {} },
  workloads: [
    {
      ...{ id: "tiny-json", title: "A tiny network", requestBytes: 1, headline: 64, open: [], ceiling: [], left: {} },
      closed: [point("ortserve", 50_000), point("fastify", 20_000)],
    },
  ],
  goals: [goal("fast, at least", 2.5, false), goal("small, at most", 1, true)],
  notes: [],
};

test("the README's table has the headline of each workload, and the goals that were missed", () => {
  const text = withNumbers(readme, results);
  assert.match(text, /\| A tiny network, 64 connections \| 50,000 \| 20,000 \| 2\.50 x \| 1\.50 ms \| 1\.50 ms \|/);
  assert.match(text, /1 of the project's 2 goals are met\. Missed: fast, at least 3 x: 2\.50\./);
  assert.equal(withNumbers(text, results), text);
});

test("the README's table goes where it stood, and nowhere else", () => {
  const [before, after] = [readme.indexOf("<!-- numbers"), readme.length - readme.indexOf("<!-- end of numbers -->")];
  const text = withNumbers(readme, results);
  assert.equal(text.slice(0, before), readme.slice(0, before));
  assert.equal(text.slice(-after), readme.slice(-after));
  assert.throws(() => withNumbers("no marks", results), /expected the README to have <!-- numbers/);
});
