// SPDX-License-Identifier: Apache-2.0
// The few numbers that stand in the README, between two marks, written by a full run.
import { headline } from "../goals.js";
import type { BenchResults, Goal, WorkloadResult } from "../results.js";
import { count, time } from "./tables.js";
import { markdownTable } from "./text.js";

const marks = ["<!-- numbers, written by npm run bench -->", "<!-- end of numbers -->"] as const;

/** `readme` with the numbers of `results` between the marks. Throws an Error where the marks are not there. */
export function withNumbers(readme: string, results: BenchResults): string {
  const [start, end] = marks.map((mark) => readme.indexOf(mark)) as [number, number];
  if (start < 0 || end < start) throw new Error(`expected the README to have ${marks.join(" and ")}`);
  return `${readme.slice(0, start)}${marks[0]}\n\n${numbers(results)}\n${readme.slice(end)}`;
}

function numbers(results: BenchResults): string {
  const rows = results.workloads.flatMap((workload) => row(workload, results));
  const header = ["one row per request", "ortserve", "Fastify + onnxruntime-node", "ratio", "p99", "Fastify's p99"];
  const { cpu, cores } = results.machine;
  const where = `Requests/s on ${cpu} with ${cores} cores that servers and load generators share, ${results.date.slice(0, 10)}.`;
  return [markdownTable({ title: "", header, rows }), `${where} ${verdict(results.goals)}`, ""].join("\n");
}

function row({ id, title, headline: connections }: WorkloadResult, { workloads }: BenchResults): string[][] {
  const [ours, theirs] = [headline(workloads, id, "ortserve"), headline(workloads, id, "fastify")];
  if (ours === undefined || theirs === undefined) return [];
  const ratio = `${(ours.requestsPerSecond / theirs.requestsPerSecond).toFixed(2)} x`;
  const rates = [ours, theirs].map(({ requestsPerSecond }) => count(requestsPerSecond));
  return [[`${title}, ${connections} connections`, ...rates, ratio, time(ours.p99), time(theirs.p99)]];
}

function verdict(goals: readonly Goal[]): string {
  const judged = goals.filter(({ passed }) => passed !== undefined);
  const missed = judged.filter(({ passed }) => !passed);
  const summary = `${judged.length - missed.length} of the project's ${judged.length} goals are met`;
  if (missed.length === 0) return `${summary}.`;
  const each = ({ text, target, measured, unit }: Goal) => `${text} ${target} ${unit}: ${measured?.toFixed(2)}`;
  return `${summary}. Missed: ${missed.map(each).join("; ")}.`;
}
