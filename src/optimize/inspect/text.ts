// SPDX-License-Identifier: Apache-2.0
// An inspection for people: aligned columns, numbers with units.
import { byteText, columns, quantity, timeText } from "../report/format.js";
import type { Inspection, Port } from "./inspect.js";

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
  return [
    columns(facts as string[][], 2),
    "",
    operatorText(found),
    "",
    executionText(found),
    "",
    quantizeText(found),
    "",
    pruneText(found),
    "",
  ].join("\n");
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

function quantizeText({ quantization, bytes }: Inspection): string {
  if (quantization === undefined) return "With `ortserve quantize`\n  nothing: it has no FP32 layer that could be INT8";
  const { mode, layers, share, float } = quantization;
  const size = `${byteText(bytes)} -> about ${byteText(quantization.bytes)}`;
  const rows = [
    ["mode", mode],
    [
      "layers",
      `${layers} in INT8, with ${(100 * share).toFixed(1)} % of the multiply-accumulates; ${float.length} stay FP32`,
    ],
    ["file", size],
    ...reasonRows(
      "FP32 because",
      float.map(({ reason }) => reason),
    ),
  ];
  return `With \`ortserve quantize\`\n${columns(rows, 2)}`;
}

function pruneText({ pruning, bytes, run }: Inspection): string {
  if (pruning === undefined) return "With `ortserve prune`\n  nothing: it has no channels that could go";
  const { groups, channels, sparsity, macs, obstacles } = pruning;
  const gone = Math.round(sparsity * channels);
  const rows = [
    ["channels", `${quantity(gone)} of ${quantity(channels)} in ${groups} groups, where quality allows so many`],
    ["one run", `${quantity(run.macs)} -> ${quantity(macs)} multiply-accumulates`],
    ["file", `${byteText(bytes)} -> about ${byteText(pruning.bytes)}`],
    ...reasonRows("stay because", Object.values(obstacles)),
  ];
  return `With \`ortserve prune\`\n${columns(rows, 2)}`;
}

/** Each reason once, with how often it was given. */
function reasonRows(title: string, reasons: readonly string[]): string[][] {
  const counts = new Map<string, number>();
  for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return [...counts].map(([reason, count], i) => [i === 0 ? title : "", `${reason} (${count})`]);
}
