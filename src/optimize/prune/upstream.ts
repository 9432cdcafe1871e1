// SPDX-License-Identifier: Apache-2.0
// The part of a model that some of its tensors need.
import { captured } from "../onnx/graph.js";
import { ElementType, type GraphProto } from "../onnx/messages.js";
import type { OnnxModel } from "../onnx/model-file.js";

/** A model that gives these FP32 tensors and nothing else, or the whole model when all of them are inputs of the graph. */
export function upstream({ proto, directory }: OnnxModel, tensors: readonly string[]): OnnxModel {
  const graph = proto.graph as GraphProto;
  const needed = new Set(tensors);
  const kept = [...graph.node].reverse().filter((node) => {
    if (!node.output.some((name) => needed.has(name))) return false;
    for (const name of [...node.input, ...captured(node)]) needed.add(name);
    return true;
  });
  const inputs = new Set(graph.input.map(({ name }) => name));
  const output = tensors
    .filter((name) => !inputs.has(name))
    .map((name) => ({ name, type: { tensorType: { elemType: ElementType.float } }, metadataProps: [] }));
  if (output.length === 0) return { proto, directory };
  const initializer = graph.initializer.filter(({ name = "" }) => needed.has(name));
  return { directory, proto: { ...proto, graph: { ...graph, node: kept.reverse(), initializer, output } } };
}
