// SPDX-License-Identifier: Apache-2.0
// The report of the 2:4 pattern as one HTML file that needs nothing beside it.
import { dropText, percent } from "../judge/goals.js";
import type { SparseReport } from "../prune/sparsify.js";
import { quantity } from "./format.js";
import { madeSection } from "./made.js";
import { page, type Row, table } from "./page.js";
import { qualityTable } from "./quality-table.js";
import { barChart } from "./svg.js";

export function sparseHtml(report: SparseReport, missed: readonly string[]): string {
  const { layers, skipped, attempts, quality } = report;
  const notes = [...missed.map((text) => `Not written: ${text}`), ...report.warnings];
  const bars = layers.map(({ name, damage, sparse }) => {
    return {
      label: name,
      from: 0,
      to: damage,
      note: percent(damage),
      tone: sparse ? ("plain" as const) : ("pale" as const),
    };
  });
  const body = `<h2>Quality</h2>
${qualityTable(quality)}
<h2>Tried</h2>
${table(
  ["layers with the pattern", "drop", "signal to noise", "passed"],
  attempts.map((one) => [one.layers, percent(one.drop), `${one.sqnr.toFixed(1)} dB`, one.passed ? "yes" : "no"]),
)}
<h2>Layers</h2>
${barChart("Share of each layer's weighted squares that the zeros take away; pale: left dense", bars)}
${table(
  ["layer", "weights", "taken away", "pattern"],
  layers.map(
    ({ name, weights, damage, sparse }): Row => [name, quantity(weights), percent(damage), sparse ? "2:4" : "dense"],
  ),
)}
${table(["cannot have it", "because"], Object.entries(skipped))}
${madeSection(originRows(report), report)}`;
  return page(`${report.model} with two zeros in four`, notes, body);
}

function originRows({ calibration, quality, goals }: SparseReport): Row[] {
  const ranking =
    calibration.criterion === "activations" ? `what ${calibration.samples} samples make of them` : "their size";
  return [
    ["zeros chosen by", ranking],
    ["judged on", `${quality.samples} other samples: ${dropText(quality)}`],
    ["goals", `drop at most ${percent(goals.maxDrop)}, signal to noise at least ${goals.minSqnr} dB`],
  ];
}
