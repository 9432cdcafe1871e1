// SPDX-License-Identifier: Apache-2.0
// A pruning's outcome in a few lines for a terminal.
import { percent } from "../judge/goals.js";
import type { PruneReport } from "../prune/report-data.js";
import { byteText, quantity, timeText } from "./format.js";
import { outcomeText, qualityRows } from "./quality-text.js";

export function pruneText(report: PruneReport): string {
  const { before, after, speed, quality, sparsity, equivalence, groups } = report;
  const change = (from: number, to: number, text: (value: number) => string, what: string) =>
    `${text(from)} -> ${text(to)}  ${(from / to).toFixed(2)} x ${what}`;
  const rows: string[][] = [
    [
      "channels",
      `${percent(sparsity.reached)} are gone, of ${groups.length} groups${report.refitted ? "; the rest was refitted" : ""}`,
    ],
    ["work", change(before.macs, after.macs, quantity, "less")],
    ["size", change(before.bytes, after.bytes, byteText, "smaller")],
    ["memory", change(before.peakTensorBytes, after.peakTensorBytes, byteText, "less")],
  ];
  if (speed) rows.push(["time", change(speed.beforeMicros, speed.afterMicros, timeText, "as fast")]);
  rows.push(...qualityRows(quality));
  for (const { name, kind, width, count } of report.ports)
    rows.push([`${kind} ${name}`, `${count} of ${width} elements`]);
  rows.push([
    "proof",
    `differs by ${equivalence.error.toExponential(1)} from the original with nothing read from what is gone`,
  ]);
  return outcomeText(rows, report.warnings);
}
