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

/** Groups of at most `budget` bytes, or of one tensor that is larger alone. */
export function pack(names: readonly string[], sizes: ReadonlyMap<string, number>, budget: number): string[][] {
  const groups: string[][] = [];
  let room = 0;
  for (const name of names) {
    const bytes = sizes.get(name) ?? 0;
    if (bytes > room || groups.length === 0) {
      groups.push([]);
      room = budget;
    }
    groups.at(-1)?.push(name);
    room -= bytes;
  }
  return groups;
}
