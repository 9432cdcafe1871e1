// SPDX-License-Identifier: Apache-2.0
// docs/benchmarks.md, written whole by a full run.
import type { BenchResults, WorkloadResult } from "../results.js";
import {
  copyTable,
  featureTable,
  goalTable,
  headlineTable,
  ladderTable,
  microTables,
  openLoopTable,
  serverTitle,
  type Table,
} from "./tables.js";
import { markdownTable } from "./text.js";

export function markdownReport(results: BenchResults): string {
  return [
    "# Benchmarks",
    "",
    `Written by \`${results.command}\` on ${results.date.slice(0, 10)} at commit ${results.commit}; do not edit by hand.`,
    "The same run writes an HTML report with latency profiles next to its JSON, and prints where.",
    "",
    ...machineLines(results),
    "",
    section(goalTable(results.goals)),
    ...methodLines(results),
    "",
    ...results.workloads.flatMap(workloadSections),
    ...results.features.map((feature) => section(featureTable(feature))),
    section(copyTable(results)),
    ...microTables(results).map(section),
    ...notes(results),
  ]
    .join("\n")
    .replace(/\n{3,}/g, "\n\n");
}

function machineLines({ machine }: BenchResults): string[] {
  const { cpu, cores, memoryGiB, system, versions } = machine;
  return [
    `- Machine: ${cpu}, ${cores} cores shared by servers and load generators, ${memoryGiB} GiB, ${system}`,
    `- Versions: ${Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(", ")}`,
  ];
}

function methodLines({ seconds }: BenchResults): string[] {
  return [
    "## How to read this",
    "",
    "Every server is one process and answers the same request bytes with the same numbers, checked before the run. Rounds are",
    "interleaved: each server gets the same short windows in turn while the others are paused; a cell is the median over",
    "the rounds, a goal the median of the rounds' ratios. Load generators share the cores with the servers, but where a",
    "table says that both have their own, so only ratios within one table mean something, and a ratio to the bare loop",
    "includes the generator's cost. Closed loop:",
    "each connection sends its next request when the last reply is there. Open loop: requests are due at a fixed rate",
    "(half of what Fastify reached in its closed loop) and their latency counts from that time, so a stall is charged to",
    "every request it delayed. Event-loop delay is what `perf_hooks.monitorEventLoopDelay` sees beyond its 1 ms timer.",
    "The bare loop calls ONNX Runtime's C++ API on preallocated",
    `memory with no server around it. The whole run took ${Math.round(seconds / 60)} minutes.`,
  ];
}

function workloadSections(workload: WorkloadResult): string[] {
  const open = openLoopTable(workload);
  const left = Object.entries(workload.left).map(([id, why]) => `${serverTitle(id)} is left out: ${firstLine(why)}\n`);
  const tables = [headlineTable(workload), ladderTable(workload), ...(open === undefined ? [] : [open])];
  return [...tables.map(section), ...left];
}

const section = (table: Table) => `## ${table.title}\n\n${markdownTable(table)}`;

const notes = (results: BenchResults) => results.notes.map((note) => `- ${firstLine(note)}`);

const firstLine = (text: string) => text.split("\n")[0] ?? "";
