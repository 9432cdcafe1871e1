// SPDX-License-Identifier: Apache-2.0
// A pruning's report as one HTML file that needs nothing beside it.
import { dropText, percent } from "../judge/goals.js";
import type { PruneReport } from "../prune/report-data.js";
import { byteText, quantity, timeText } from "./format.js";
import { madeSection } from "./made.js";
import { page, type Row, table } from "./page.js";
import { qualityTable } from "./quality-table.js";
import { type Bar, barChart } from "./svg.js";

export function pruneHtml(report: PruneReport, missed: readonly string[]): string {
  const title = `${report.model} without ${percent(report.sparsity.reached)} of its channels`;
  const notes = [...missed.map((text) => `Not written: ${text}`), ...report.warnings];
  const obstacles = Object.entries(report.obstacles);
  const body = `${table(["", "before", "after", "ratio"], summaryRows(report))}
<h2>Quality</h2>
${qualityTable(report.quality)}
<h2>Tried</h2>
${table(["channels gone", "drop", "signal to noise", "refitted", "passed"], attemptRows(report))}
<h2>Groups</h2>
${barChart("Channels that are left, of those there were", report.groups.map(groupBar))}
${table(["group", "made by", "channels before", "channels after", "gone"], groupRows(report))}
${report.ports.length > 0 ? table(["", "elements before", "elements after", "kept"], portRows(report)) : ""}
${obstacles.length > 0 ? `<h2>What must stay</h2>${table(["tensor", "because"], obstacles)}` : ""}
${madeSection(originRows(report), report)}`;
  return page(title, notes, body);
}

function summaryRows({ before, after, speed, quality }: PruneReport): Row[] {
  const row = (name: string, from: number, to: number, text: (value: number) => string): Row => [
    name,
    text(from),
    text(to),
    `${(from / to).toFixed(2)} x`,
  ];
  const rows = [
    row("multiply-accumulates", before.macs, after.macs, quantity),
    row("parameters", before.parameters, after.parameters, quantity),
    row("size", before.bytes, after.bytes, byteText),
    row("tensors at once", before.peakTensorBytes, after.peakTensorBytes, byteText),
  ];
  if (speed) rows.push(row("time of a run", speed.beforeMicros, speed.afterMicros, timeText));
  if (quality.accuracy) rows.push(["accuracy", percent(quality.accuracy.before), percent(quality.accuracy.after), ""]);
  return rows;
}

function attemptRows({ attempts }: PruneReport): Row[] {
  const word = (yes: boolean) => (yes ? "yes" : "no");
  return attempts.map((one) => [
    percent(one.sparsity),
    percent(one.drop),
    `${one.sqnr.toFixed(1)} dB`,
    word(one.refitted),
    word(one.passed),
  ]);
}

function groupBar({ name, before, after, kind }: PruneReport["groups"][number]): Bar {
  const label = kind === "layer" ? name : `${kind} ${name}`;
  return { label, from: 0, to: after / before, note: `${after} of ${before}`, tone: after < before ? "plain" : "pale" };
}

function groupRows({ groups }: PruneReport): Row[] {
  return groups.map(({ name, layers, before, after }) => {
    const more = layers.length > 3 ? ` and ${layers.length - 3} more` : "";
    return [name, layers.slice(0, 3).join(", ") + more, before, after, percent((before - after) / before)];
  });
}

function portRows({ ports }: PruneReport): Row[] {
  return ports.map(({ name, kind, width, count, live }) => [`${kind} ${name}`, width, count, live]);
}

function originRows(report: PruneReport): Row[] {
  const { calibration, goals, quality, speed, equivalence } = report;
  const ranking =
    calibration.criterion === "activations" ? `what ${calibration.samples} samples make of them` : "their weights";
  return [
    [
      "asked for",
      report.macsRatio === undefined
        ? `${percent(report.sparsity.asked ?? 0)} of the channels`
        : `${percent(report.macsRatio)} of the work left`,
    ],
    ["kept channels", report.align > 1 ? `in multiples of ${report.align}` : "in any number"],
    ["ranked by", ranking],
    ["judged on", `${quality.samples} other samples: ${dropText(quality)}`],
    [
      "goals",
      `drop at most ${percent(goals.maxDrop)}, signal to noise at least ${goals.minSqnr} dB, speed-up at least ${goals.minSpeedup}`,
    ],
    [
      "proof",
      `before any refitting it gave what the original gives when nothing reads those channels: largest relative difference ${equivalence.error.toExponential(1)} on ${equivalence.samples} samples`,
    ],
    ["timed", speed ? `${speed.rounds} rounds in turns, medians, on ${speed.threads} thread` : "not on this machine"],
  ];
}
