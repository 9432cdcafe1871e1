// SPDX-License-Identifier: Apache-2.0
// Two inspections side by side: what a new version of a model changed.
import { byteText, columns, quantity, timeText } from "../report/format.js";
import type { Inspection } from "./inspect.js";
import { portText } from "./text.js";

export interface Change {
  readonly what: string;
  readonly before: string | number;
  readonly after: string | number;
}

/** Everything that differs; times and memory, which vary from run to run, stand in `text` alone. */
export function differences(before: Inspection, after: Inspection): Change[] {
  const changes: Change[] = [];
  const compare = (what: string, a: string | number, b: string | number) => {
    if (a !== b) changes.push({ what, before: a, after: b });
  };
  compareMaps(compare, "operator set", before.opsets, after.opsets);
  compareMaps(compare, "metadata", before.metadata, after.metadata);
  for (const side of ["inputs", "outputs"] as const) {
    const text = (found: Inspection) => Object.fromEntries(found[side].map((port) => [port.name, portText(port)]));
    compareMaps(compare, side.slice(0, -1), text(before), text(after));
  }
  compare("bytes", before.bytes, after.bytes);
  compare("nodes", before.nodes, after.nodes);
  compare("parameters", before.parameters.count, after.parameters.count);
  compareMaps(compare, "parameters of type", before.parameters.byType, after.parameters.byType);
  compare("MACs", before.run.macs, after.run.macs);
  const nodes = (found: Inspection) => Object.fromEntries(found.operators.map((row) => [row.op, row.nodes]));
  compareMaps(compare, "nodes of", nodes(before), nodes(after));
  return changes;
}

type Compare = (what: string, a: string | number, b: string | number) => void;

function compareMaps<T extends string | number>(
  compare: Compare,
  what: string,
  before: Readonly<Record<string, T>>,
  after: Readonly<Record<string, T>>,
): void {
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)]))
    compare(`${what} ${key}`, before[key] ?? "none", after[key] ?? "none");
}

const ratio = (a: number, b: number) => (a > 0 ? `x ${(b / a).toPrecision(3)}` : "");

export function differenceText(before: Inspection, after: Inspection): string {
  const numbers = [
    ["", before.file, after.file, ""],
    ["file", byteText(before.bytes), byteText(after.bytes), ratio(before.bytes, after.bytes)],
    [
      "parameters",
      quantity(before.parameters.count),
      quantity(after.parameters.count),
      ratio(before.parameters.count, after.parameters.count),
    ],
    [
      "weights",
      byteText(before.parameters.bytes),
      byteText(after.parameters.bytes),
      ratio(before.parameters.bytes, after.parameters.bytes),
    ],
    ["MACs", quantity(before.run.macs), quantity(after.run.macs), ratio(before.run.macs, after.run.macs)],
    [
      "memory of a run",
      byteText(before.run.peakTensorBytes),
      byteText(after.run.peakTensorBytes),
      ratio(before.run.peakTensorBytes, after.run.peakTensorBytes),
    ],
    [
      "time of a run",
      timeText(before.run.micros),
      timeText(after.run.micros),
      ratio(before.run.micros, after.run.micros),
    ],
  ];
  const totals = new Set(["bytes", "parameters", "MACs"]);
  const changes = differences(before, after).filter(({ what }) => !totals.has(what));
  const rows = changes.map(({ what, before: a, after: b }) => [what, String(a), String(b)]);
  const rest = rows.length === 0 ? "No other difference." : columns([["changed", "before", "after"], ...rows], 3);
  return `${columns(numbers)}\n\n${rest}\n`;
}
