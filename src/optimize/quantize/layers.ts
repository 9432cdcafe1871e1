// SPDX-License-Identifier: Apache-2.0
// The nodes whose weights can be INT8: what each reads, along which axis its channels lie, and why one cannot.
import type { Graph } from "../onnx/graph.js";
import type { NodeProto } from "../onnx/messages.js";
import { floatOf, intOf, isOp } from "../onnx/node.js";
import { tensorSize } from "../onnx/tensor-data.js";

export interface Layer {
  readonly node: NodeProto;
  readonly name: string;
  readonly kind: "Conv" | "Gemm" | "MatMul";
  /** Names of the tensors. */
  readonly input: string;
  readonly weight: string;
  readonly bias: string | undefined;
  readonly output: string;
  /** Axis of the weight with the output channels. */
  readonly axis: number;
}

export interface FloatNode {
  readonly name: string;
  readonly op: string;
  readonly reason: string;
}

/** Splits the nodes that multiply into those that can be quantized and those that cannot, with the reason. */
export function findLayers(graph: Graph): { layers: Layer[]; float: FloatNode[] } {
  const layers: Layer[] = [];
  const float: FloatNode[] = [];
  for (const node of graph.nodes) {
    if (!isOp(node, "Conv", "Gemm", "MatMul", "ConvTranspose")) continue;
    const reason = obstacle(graph, node);
    const name = node.name ?? "";
    if (reason !== undefined) float.push({ name, op: node.opType ?? "", reason });
    else layers.push(layerOf(node, name));
  }
  return { layers, float };
}

function layerOf(node: NodeProto, name: string): Layer {
  const [input = "", weight = "", bias] = node.input;
  const kind = node.opType as Layer["kind"];
  const axis = kind === "Conv" || (kind === "Gemm" && intOf(node, "transB", 0) === 1) ? 0 : 1;
  return { node, name, kind, input, weight, bias: bias || undefined, output: node.output[0] ?? "", axis };
}

function obstacle(graph: Graph, node: NodeProto): string | undefined {
  const [, weightName, biasName] = node.input;
  const weight = graph.initializer(weightName);
  if (node.opType === "ConvTranspose") return "ONNX Runtime has no INT8 kernel for ConvTranspose";
  if (weight === undefined) return "both sides are activations";
  if (weight.dataType !== 1) return "its weight is not FP32";
  if (node.opType === "MatMul" && weight.dims.length !== 2) return `its weight has ${weight.dims.length} dims`;
  if (node.opType === "Gemm") {
    if (intOf(node, "transA", 0) !== 0) return "its input is transposed";
    if (floatOf(node, "alpha", 1) !== 1 || floatOf(node, "beta", 1) !== 1) return "its alpha or beta is not 1";
  }
  if (!biasName) return undefined;
  const bias = graph.initializer(biasName);
  if (bias === undefined) return "its bias is not constant";
  const channels = node.opType === "Gemm" && intOf(node, "transB", 0) === 0 ? weight.dims[1] : weight.dims[0];
  return tensorSize(bias) === channels ? undefined : "its bias is not one number per output channel";
}
