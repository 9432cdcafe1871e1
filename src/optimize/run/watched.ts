// SPDX-License-Identifier: Apache-2.0
// Tensors inside a model, made visible.
import { ElementType, type GraphProto } from "../onnx/messages.js";
import type { OnnxModel } from "../onnx/model-file.js";

/** The model with further FP32 outputs: ONNX Runtime keeps a tensor that is asked for, however it rewrites the rest. */
export function watched({ proto, directory }: OnnxModel, tensors: readonly string[]): OnnxModel {
  const graph = proto.graph as GraphProto;
  const known = new Set(graph.output.map(({ name }) => name));
  const added = tensors
    .filter((name) => !known.has(name))
    .map((name) => ({ name, type: { tensorType: { elemType: ElementType.float } }, metadataProps: [] }));
  return { proto: { ...proto, graph: { ...graph, output: [...graph.output, ...added] } }, directory };
}
