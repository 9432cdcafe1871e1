// SPDX-License-Identifier: Apache-2.0
// One self-contained HTML file: tables, and plots by uPlot, whose script is inlined.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { BenchResults, WorkloadResult } from "../results.js";
import {
  copyTable,
  featureTable,
  goalTable,
  headlineTable,
  microTables,
  openLoopTable,
  serverTitle,
  type Table,
} from "./tables.js";

const here = import.meta.dirname;
const uplot = join(here, "..", "..", "node_modules", "uplot", "dist");
const read = (...path: string[]) => readFileSync(join(...path), "utf8");

export function htmlReport(results: BenchResults): string {
  const { machine } = results;
  const versions = Object.entries(machine.versions).map(([name, version]) => `${name} ${version}`);
  const facts = [
    `${results.date}, commit ${results.commit}, <code>${escapeHtml(results.command)}</code>`,
    escapeHtml(`${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB, ${machine.system}`),
    escapeHtml(versions.join(", ")),
    ...results.notes.map(escapeHtml),
  ];
  const data = JSON.stringify(results.workloads.map(plotData)).replaceAll("<", "\\u003c");
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>ortserve benchmarks, ${results.date.slice(0, 10)}</title>
<style>${read(uplot, "uPlot.min.css")}${read(here, "page.css")}</style>
</head>
<body>
<h1>ortserve benchmarks</h1>
<p>${facts.join("<br>")}</p>
${htmlTable(goalTable(results.goals))}
${results.workloads.map(workloadSection).join("\n")}
${[...results.features.map(featureTable), copyTable(results), ...microTables(results)].map(htmlTable).join("\n")}
<script>${read(uplot, "uPlot.iife.min.js")}</script>
<script type="application/json" id="data">${data}</script>
<script>${read(here, "charts.js")}</script>
</body>
</html>
`;
}

function workloadSection(workload: WorkloadResult): string {
  const open = openLoopTable(workload);
  const plot = (kind: string) => `<div class="plot" data-workload="${workload.id}" data-kind="${kind}"></div>`;
  const kinds = ["throughput", "tail", "profile", ...(open === undefined ? [] : ["open"])];
  return `<section>
<h2>${escapeHtml(workload.title)}</h2>
${htmlTable(headlineTable(workload))}
<div class="plots">${kinds.map(plot).join("")}</div>
${open === undefined ? "" : htmlTable(open)}
</section>`;
}

/** What charts.js draws. */
function plotData(workload: WorkloadResult) {
  const named = <T extends { server: string }>(point: T) => ({ ...point, title: serverTitle(point.server) });
  const { id, headline, closed, open } = workload;
  return { id, headline, closed: closed.map(named), open: open.map(named) };
}

function htmlTable({ title, header, rows }: Table): string {
  const row = (cells: readonly string[], tag: string) =>
    `<tr>${cells.map((cell) => `<${tag}${verdict(cell)}>${escapeHtml(cell)}</${tag}>`).join("")}</tr>`;
  const body = rows.map((cells) => row(cells, "td")).join("\n");
  return `<table><caption>${escapeHtml(title)}</caption><thead>${row(header, "th")}</thead><tbody>${body}</tbody></table>`;
}

const verdict = (cell: string) => (cell === "pass" || cell === "MISS" ? ` class="${cell}"` : "");

function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c] ?? c);
}
