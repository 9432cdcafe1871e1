// SPDX-License-Identifier: Apache-2.0
// A model as quantize and prune want it: a recent operator set, constants folded, normalizations folded into convolutions.
import { OrtserveError } from "../../errors.js";
import { Graph } from "../onnx/graph.js";
import type { GraphProto } from "../onnx/messages.js";
import { type OnnxModel, readModel } from "../onnx/model-file.js";
import { bodiesOf, isOp } from "../onnx/node.js";
import { upgradeOpset } from "../onnx/opset.js";
import type { Workbench } from "./workbench.js";

/** Per-channel scales came with it. */
const quantizationOpset = 13;

const quantizedOps = [
  "QuantizeLinear",
  "DequantizeLinear",
  "DynamicQuantizeLinear",
  "QLinearConv",
  "MatMulInteger",
  "ConvInteger",
];

/**
 * Reads a model and lets ONNX Runtime rewrite it by the rules that hold everywhere. Every node has a name of its own afterwards.
 * Rejects with ERR_UNSUPPORTED for a model that is quantized already.
 */
export async function normalizedModel(
  bench: Workbench,
  path: string,
  remedy = "start from the FP32 model",
): Promise<OnnxModel> {
  const source = await readModel(path);
  const quantized = (source.proto.graph as GraphProto).node.find((node) => isOp(node, ...quantizedOps));
  if (quantized) {
    const what = `node '${quantized.name ?? ""}' is a ${quantized.opType}`;
    throw new OrtserveError("ERR_UNSUPPORTED", `${path} is quantized already (${what}): ${remedy}`);
  }
  upgradeOpset(source, quantizationOpset);
  const model = await bench.optimized(source, { level: "basic" });
  keepDescription(source, model);
  nameNodes(model);
  return bench.share(model);
}

/** What ONNX Runtime changes besides the graph: it imports every domain it knows. */
function keepDescription({ proto: source }: OnnxModel, { proto }: OnnxModel): void {
  const used = new Set(domainsOf(proto.graph as GraphProto));
  const inherited = new Set(source.opsetImport.map(({ domain = "" }) => domain));
  proto.opsetImport = proto.opsetImport.filter(({ domain = "" }) => used.has(domain) || inherited.has(domain));
  proto.metadataProps = source.metadataProps;
  proto.irVersion = Math.max(proto.irVersion ?? 0, 8);
  for (const key of ["producerName", "producerVersion", "domain", "modelVersion", "docString"] as const) {
    const value = source[key];
    if (value === undefined) delete proto[key];
    else Object.assign(proto, { [key]: value });
  }
}

function domainsOf(graph: GraphProto): string[] {
  return graph.node.flatMap((node) => [node.domain ?? "", ...bodiesOf(node).flatMap(domainsOf)]);
}

function nameNodes(model: OnnxModel): void {
  const graph = new Graph(model);
  const seen = new Set<string>();
  for (const node of graph.nodes) {
    const name = node.name ?? "";
    if (name === "" || seen.has(name)) node.name = graph.freshName(`${node.opType}_${node.output[0] ?? ""}`);
    seen.add(node.name ?? "");
  }
}
