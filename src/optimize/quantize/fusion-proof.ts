// SPDX-License-Identifier: Apache-2.0
// Proof of what a quantized model became: ONNX Runtime loads it, writes down the graph that it will run, and the multiplying
// nodes of that graph are counted by their kernels. A pair in the wrong place shows here, and nowhere else but in the run time.
import { Graph } from "../onnx/graph.js";
import type { GraphProto, NodeProto } from "../onnx/messages.js";
import type { OnnxModel } from "../onnx/model-file.js";
import type { Workbench } from "../run/workbench.js";
import type { FloatNode } from "./layers.js";

const integerKernels = new Set([
  "QLinearConv",
  "QGemm",
  "QLinearMatMul",
  "MatMulIntegerToFloat",
  "DynamicQuantizeMatMul",
  "MatMulInteger",
  "ConvInteger",
  "MatMulNBits",
]);
const floatKernels = new Set([
  "Conv",
  "FusedConv",
  "NhwcFusedConv",
  "ConvTranspose",
  "Gemm",
  "FusedGemm",
  "MatMul",
  "FusedMatMul",
  "TransposeMatMul",
]);

export interface FusionProof {
  /** Nodes of the graph that runs, by operator. */
  readonly operators: Readonly<Record<string, number>>;
  /** Multiplying nodes with an integer kernel, and in FP32. */
  readonly integer: number;
  readonly float: readonly FloatNode[];
  /** Of `float`, those that were meant to be integer. */
  readonly missed: readonly FloatNode[];
}

/** `expected`: nodes that stay float by choice or by nature. */
export async function proveFusion(
  bench: Workbench,
  draft: OnnxModel,
  expected: readonly FloatNode[],
): Promise<FusionProof> {
  const optimized = await bench.optimized(draft);
  const nodes = (optimized.proto.graph as GraphProto).node;
  const operators: Record<string, number> = {};
  for (const { opType = "" } of nodes) operators[opType] = (operators[opType] ?? 0) + 1;
  const graph = new Graph(draft);
  const known = new Map(expected.map((node) => [node.name, node]));
  const float: FloatNode[] = [];
  const missed: FloatNode[] = [];
  for (const node of nodes.filter(({ opType = "" }) => floatKernels.has(opType))) {
    const source = sourceOf(graph, node);
    const meant = known.get(source?.name ?? node.name ?? "");
    const entry = meant ?? {
      name: source?.name ?? node.name ?? "",
      op: node.opType ?? "",
      reason: missReason(graph, source),
    };
    float.push(entry);
    if (meant === undefined) missed.push(entry);
  }
  const integer = nodes.filter(({ opType = "" }) => integerKernels.has(opType)).length;
  return { operators, integer, float, missed };
}

/**
 * The node of the draft that an optimized node does the work of: by its name, which in a blocked layout gets an ending and after a
 * fusion may be that of the activation behind it, or of the tensor it gives; or by what it gives or reads.
 */
function sourceOf(graph: Graph, node: NodeProto): NodeProto | undefined {
  const plain = (node.name ?? "").replace(/_nchwc$/, "");
  const named = graph.nodes.find(({ name }) => plain !== "" && name === plain);
  const start = named ?? graph.producer(plain) ?? graph.producer(node.output[0]);
  for (let maker = start; maker !== undefined; maker = graph.producer(maker.input[0]))
    if (floatKernels.has(maker.opType ?? "")) return maker;
  return graph.nodes.find((one) => floatKernels.has(one.opType ?? "") && one.input[1] === node.input[1]);
}

function missReason(graph: Graph, node: NodeProto | undefined): string {
  if (node === undefined) return "ONNX Runtime made it of other nodes";
  const isDequantized = (name: string | undefined) => graph.producer(name)?.opType === "DequantizeLinear";
  if (!isDequantized(node.input[0])) return "its input has no quantize-dequantize pair";
  if (!isDequantized(node.input[1])) return "its weight is not quantized";
  const next = graph.onlyConsumer(node.output[0]);
  if (next === undefined) return "its result has several readers, or is an output of the model";
  if (next.opType === "QuantizeLinear") return "ONNX Runtime has no integer kernel for it in this form";
  const after = graph.onlyConsumer(next.output[0]);
  if (after?.opType !== "QuantizeLinear") return `its result is not quantized, ${next.opType} follows`;
  return `the ${next.opType} between it and the quantization does more than the range of integers: ${rangeText(graph, after)}`;
}

function rangeText(graph: Graph, quantize: NodeProto): string {
  const scale = graph.floats(quantize.input[1])?.[0] ?? 0;
  const zero = graph.integers(quantize.input[2])?.[0] ?? 0;
  const least = graph.initializer(quantize.input[2])?.dataType === 3 ? -128 : 0;
  return `[${((least - zero) * scale).toPrecision(3)}, ${((least + 255 - zero) * scale).toPrecision(3)}]`;
}
