// SPDX-License-Identifier: Apache-2.0
// An inspection for people: aligned columns, numbers with units.
import type { Inspection, Port } from "./inspect.js";

/** "3.46 M" */
export function quantity(value: number): string {
  for (const [unit, size] of [
    ["G", 1e9],
    ["M", 1e6],
    ["k", 1e3],
  ] as const)
    if (value >= size) return `${(value / size).toPrecision(3)} ${unit}`;
  return String(Math.round(value));
}

/** "3.30 MiB" */
export function byteText(bytes: number): string {
  for (const [unit, size] of [
    ["GiB", 2 ** 30],
    ["MiB", 2 ** 20],
    ["KiB", 2 ** 10],
  ] as const)
    if (bytes >= size) return `${(bytes / size).toPrecision(3)} ${unit}`;
  return `${bytes} B`;
}

export function timeText(micros: number): string {
  return micros >= 1000 ? `${(micros / 1000).toPrecision(3)} ms` : `${Math.round(micros)} us`;
}

/** Columns as wide as their widest cell; all but the first `left` to the right. */
export function columns(rows: readonly (readonly string[])[], left = 1): string {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    row.map((cell, i) => (i < left ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join("  ");
  return rows.map((row) => `  ${line(row)}`.trimEnd()).join("\n");
}

export function portText({ name, type, shape }: Port): string {
  return `${name} ${type}${shape === undefined ? "" : ` [${shape.join(",")}]`}`;
}

export function inspectionText(found: Inspection): string {
  const { parameters, run } = found;
  const opsets = Object.entries(found.opsets).map(([domain, version]) => `${domain} ${version}`);
  const types = Object.entries(parameters.byType).map(([type, count]) => `${quantity(count)} ${type}`);
  const shapes = Object.entries(run.shapes).map(([name, shape]) => `${name} [${shape.join(",")}]`);
  const metadata = Object.entries(found.metadata).map(
    ([key, value]) => `${key}=${value.length > 60 ? `${value.slice(0, 57)}...` : value}`,
  );
  const facts = [
    [
      "file",
      `${found.file}, ${byteText(found.bytes)}, IR ${found.irVersion}${found.producer && `, by ${found.producer}`}`,
    ],
    ["operator sets", opsets.join(", ")],
    ...found.inputs.map((port, i) => [i === 0 ? "inputs" : "", portText(port)]),
    ...found.outputs.map((port, i) => [i === 0 ? "outputs" : "", portText(port)]),
    ["parameters", `${quantity(parameters.count)} (${byteText(parameters.bytes)}): ${types.join(", ") || "none"}`],
    ...(metadata.length > 0 ? [["metadata", metadata.join(", ")]] : []),
    ["one run", `${quantity(run.macs)} multiply-accumulates on ${shapes.join(", ")}`],
    ["memory", `${byteText(run.weightBytes)} of weights, at most ${byteText(run.peakTensorBytes)} of tensors at once`],
  ];
  return [columns(facts as string[][], 2), "", operatorText(found), "", executionText(found), ""].join("\n");
}

function operatorText({ operators, run }: Inspection): string {
  const share = (macs: number) => (run.macs > 0 && macs > 0 ? `${((100 * macs) / run.macs).toFixed(1)} %` : "");
  const rows = operators.map((row) => [
    row.op,
    String(row.nodes),
    quantity(row.parameters),
    row.macs > 0 ? quantity(row.macs) : "",
    share(row.macs),
  ]);
  return `As written\n${columns([["operator", "nodes", "parameters", "MACs", "share"], ...rows])}`;
}

function executionText({ run }: Inspection): string {
  const rows = run.execution.map((row) => [
    row.op,
    row.precision,
    row.provider,
    String(row.nodes),
    timeText(row.micros),
    run.micros > 0 ? `${((100 * row.micros) / run.micros).toFixed(1)} %` : "",
  ]);
  const head = ["operator", "precision", "provider", "nodes", "time", "share"];
  return `As ONNX Runtime runs it\n${columns([head, ...rows], 3)}`;
}
