// SPDX-License-Identifier: Apache-2.0
// Constants changed for some of their readers. One that several nodes read in different ways is cloned.
import { Graph } from "../onnx/graph.js";
import type { NodeProto, TensorProto } from "../onnx/messages.js";
import type { OnnxModel } from "../onnx/model-file.js";
import type { ElementView } from "../onnx/tensor-data.js";
import { makeTensor } from "../onnx/tensor-data.js";

/** Values and dims of a constant on their way to new ones. */
export interface Constant {
  readonly dims: readonly number[];
  readonly values: ElementView;
}

export interface ConstantChange {
  readonly node: NodeProto;
  readonly input: number;
  /** Changes with equal keys make equal constants of one. */
  readonly key: string;
  readonly apply: (constant: Constant) => Constant;
}

/** A copy of the model with the changes; `model` stays as it is. Its nodes come in the same order, each a copy. */
export function changeConstants(model: OnnxModel, changes: readonly ConstantChange[]): OnnxModel {
  const graph = new Graph(model);
  const copies = new Map(graph.nodes.map((node) => [node, copyNode(node)]));
  const initializer = [...graph.proto.initializer];
  const places = new Map(initializer.map(({ name }, i) => [name ?? "", i]));
  for (const [name, variants] of variantsOf(changes)) {
    const tensor = graph.initializer(name) as TensorProto;
    const changed = [...variants.values()].flat().length;
    let free = graph.consumers(name).length === new Set(readsOf(variants)).size && !graph.isOutput(name);
    if (changed === 0) continue;
    for (const uses of variants.values()) {
      const start: Constant = { dims: tensor.dims, values: graph.values(tensor) };
      const [first] = uses;
      const made = (first?.changes ?? []).reduce((constant, { apply }) => apply(constant), start);
      const target = free ? name : graph.freshName(`${name}_pruned`);
      const fresh = makeTensor(target, tensor.dataType as never, made.dims, made.values);
      if (free) initializer[places.get(name) as number] = fresh;
      else initializer.push(fresh);
      free = false;
      for (const { node, input } of uses) (copies.get(node) as NodeProto).input[input] = target;
    }
  }
  const node = graph.nodes.map((one) => copies.get(one) as NodeProto);
  return { directory: model.directory, proto: { ...model.proto, graph: { ...graph.proto, node, initializer } } };
}

interface Use {
  readonly node: NodeProto;
  readonly input: number;
  readonly changes: readonly ConstantChange[];
}

/** By constant, then by what becomes of it, who reads that. */
function variantsOf(changes: readonly ConstantChange[]): Map<string, Map<string, Use[]>> {
  const uses = new Map<NodeProto, Map<number, ConstantChange[]>>();
  for (const change of changes) {
    const ofNode = uses.get(change.node) ?? new Map<number, ConstantChange[]>();
    ofNode.set(change.input, [...(ofNode.get(change.input) ?? []), change]);
    uses.set(change.node, ofNode);
  }
  const found = new Map<string, Map<string, Use[]>>();
  for (const [node, inputs] of uses) {
    for (const [input, list] of inputs) {
      const name = node.input[input] ?? "";
      const variants = found.get(name) ?? new Map<string, Use[]>();
      const key = list.map((change) => change.key).join("|");
      variants.set(key, [...(variants.get(key) ?? []), { node, input, changes: list }]);
      found.set(name, variants);
    }
  }
  return found;
}

function readsOf(variants: ReadonlyMap<string, readonly Use[]>): string[] {
  return [...variants.values()].flat().map(({ node, input }) => `${node.name}:${input}`);
}

function copyNode(node: NodeProto): NodeProto {
  return { ...node, input: [...node.input], output: [...node.output], attribute: [...node.attribute] };
}

/** Without the elements of an axis that are not `kept`. */
export function sliced({ dims, values }: Constant, axis: number, kept: readonly number[]): Constant {
  const outer = dims.slice(0, axis).reduce((a, b) => a * b, 1);
  const inner = dims.slice(axis + 1).reduce((a, b) => a * b, 1);
  const size = dims[axis] as number;
  const Type = values.constructor as new (length: number) => Float32Array;
  const result = new Type(outer * kept.length * inner);
  for (let o = 0, at = 0; o < outer; o++) {
    for (const index of kept) {
      const from = (o * size + index) * inner;
      result.set((values as Float32Array).subarray(from, from + inner), at);
      at += inner;
    }
  }
  return { dims: dims.map((dim, i) => (i === axis ? kept.length : dim)), values: result };
}

/** With zeros in the place of elements of an axis that are not `kept`. */
export function zeroed({ dims, values }: Constant, axis: number, kept: readonly number[]): Constant {
  const inner = dims.slice(axis + 1).reduce((a, b) => a * b, 1);
  const size = dims[axis] as number;
  const isKept = new Uint8Array(size);
  for (const index of kept) isKept[index] = 1;
  const result = (values as Float32Array).slice();
  for (let at = 0; at < result.length; at += inner) if (!isKept[(at / inner) % size]) result.fill(0, at, at + inner);
  return { dims, values: result };
}
