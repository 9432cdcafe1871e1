// SPDX-License-Identifier: Apache-2.0
// What ONNX Runtime makes of a graph: which node runs on which provider, and in which precision.
import type { NodeRun } from "../run/profile.js";

/** Nodes of one operator that run alike. */
export interface ExecutionRow {
  readonly op: string;
  readonly provider: string;
  readonly precision: string;
  readonly nodes: number;
  readonly micros: number;
}

const dataMovers = new Set([
  "Reshape",
  "Transpose",
  "Gather",
  "Slice",
  "Concat",
  "Split",
  "Squeeze",
  "Unsqueeze",
  "Flatten",
]);

/** "int8", "fp16", "fp32", "int64" ...: the type that the node computes in. */
export function precisionOf(run: NodeRun): string {
  const types = new Set([...run.inputs, ...run.outputs].map(({ type }) => type));
  const isQuantized = types.has("uint8") || types.has("int8");
  if (isQuantized && (types.size > 1 || dataMovers.has(run.op) || !types.has("float"))) {
    if (run.op === "QuantizeLinear" || run.op === "DequantizeLinear" || run.op === "DynamicQuantizeLinear")
      return "convert";
    return "int8";
  }
  if (types.has("float16")) return "fp16";
  if (types.has("bfloat16")) return "bf16";
  if (types.has("float")) return "fp32";
  if (types.has("double")) return "fp64";
  return run.inputs[0]?.type ?? run.outputs[0]?.type ?? "";
}

/** "cpu", "cuda", "tensorrt" */
export function providerName(provider: string): string {
  return provider.replace(/ExecutionProvider$/, "").toLowerCase();
}

/** Rows in order of their time, longest first. */
export function executionTable(runs: readonly NodeRun[]): ExecutionRow[] {
  const rows = new Map<string, ExecutionRow>();
  for (const run of runs) {
    const row = { op: run.op, provider: providerName(run.provider), precision: precisionOf(run) };
    const key = Object.values(row).join("|");
    const known = rows.get(key) ?? { ...row, nodes: 0, micros: 0 };
    rows.set(key, { ...known, nodes: known.nodes + 1, micros: known.micros + run.micros });
  }
  return [...rows.values()].sort((a, b) => b.micros - a.micros);
}
