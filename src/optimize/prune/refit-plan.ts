// SPDX-License-Identifier: Apache-2.0
// Which layers of a pruned model are fitted anew to what the original gave, and in which order.
import type { Graph } from "../onnx/graph.js";
import type { NodeProto } from "../onnx/messages.js";
import { isOp } from "../onnx/node.js";
import type { Dependencies } from "./dependencies.js";
import { layerForm } from "./rows.js";
import type { Removal } from "./surgery.js";

/** A layer that has lost inputs. Tensors have the same names in both models. */
export interface Refit {
  readonly node: NodeProto;
  readonly input: string;
  /** What is matched: the layer's result, its bias included. */
  readonly result: string;
  /** Where the bias is: an input of the layer, or of the Add after it. Undefined: nowhere yet. */
  readonly bias: { readonly node: NodeProto; readonly input: number } | undefined;
  /** Added to the result, of the same shape: its own error is taken into the target. */
  readonly skip: string | undefined;
  /** Output channels that stay. */
  readonly kept: readonly number[];
  /** Channels are in the last dim, else in the second. */
  readonly last: boolean;
  /** Layers of a wave read nothing that one of the same or a later wave makes. */
  readonly wave: number;
}

/** More numbers to sum over make equations too large: such layers stay as they were cut. */
const mostDimension = 6000;

/** In order of their waves. `pruned`: the graph after surgery, with the nodes of `deps.graph` in the same order. */
export function planRefits(deps: Dependencies, pruned: Graph, removal: Removal): Refit[] {
  const waves = new Map<string, number>();
  const refits: Refit[] = [];
  const outAtoms = new Map<NodeProto, readonly number[]>();
  const cut = new Set<NodeProto>();
  for (const edit of deps.edits) {
    if (edit.kind !== "slice" || edit.input !== 1) continue;
    if (edit.role === "out") outAtoms.set(edit.node, edit.atoms);
    if (edit.role === "in" && removal.touches(edit.atoms)) cut.add(edit.node);
  }
  for (const [i, node] of deps.graph.nodes.entries()) {
    const before = Math.max(0, ...node.input.map((name) => waves.get(name) ?? 0));
    const atoms = outAtoms.get(node);
    const isRefit = cut.has(node) && atoms !== undefined && canRefit(pruned, pruned.nodes[i] as NodeProto);
    if (isRefit) refits.push(describe(deps, node, removal.kept(atoms), before + 1));
    for (const name of node.output) waves.set(name, before + Number(isRefit));
  }
  const isKnown = (skip: string | undefined, wave: number) => skip !== undefined && (waves.get(skip) ?? 0) < wave;
  return refits
    .map((refit) => (isKnown(refit.skip, refit.wave) ? refit : { ...refit, skip: undefined }))
    .sort((a, b) => a.wave - b.wave);
}

function canRefit(graph: Graph, node: NodeProto): boolean {
  const form = layerForm(graph, node);
  const alone = (name: string | undefined) => !name || graph.consumers(name).length === 1;
  return form !== undefined && form.dimension <= mostDimension && alone(node.input[1]) && alone(node.input[2]);
}

function describe({ graph, shape }: Dependencies, node: NodeProto, kept: readonly number[], wave: number): Refit {
  const [input = "", , bias] = node.input;
  const output = node.output[0] ?? "";
  const isMatMul = isOp(node, "MatMul");
  const channels = isMatMul ? shape(output)?.at(-1) : undefined;
  const facts = { node, input, kept, last: isMatMul, wave };
  const added = isMatMul ? biasAfter(graph, output, channels) : undefined;
  const result = added?.node.output[0] ?? output;
  const skip = skipOf(graph, result, shape);
  if (added) return { ...facts, result, skip, bias: added };
  return { ...facts, result, skip, bias: bias ? { node, input: 2 } : undefined };
}

/** The Add of a constant vector after a product, and which of its inputs that is. */
function biasAfter(graph: Graph, tensor: string, channels: number | undefined) {
  const node = graph.onlyConsumer(tensor);
  if (node === undefined || !isOp(node, "Add")) return undefined;
  const input = node.input[0] === tensor ? 1 : 0;
  const name = node.input[input];
  const dims = graph.initializer(name)?.dims;
  const fits = dims?.length === 1 && dims[0] === channels && graph.consumers(name).length === 1;
  return fits ? { node, input } : undefined;
}

function skipOf(graph: Graph, tensor: string, shape: Dependencies["shape"]): string | undefined {
  const node = graph.onlyConsumer(tensor);
  if (!isOp(node, "Add") || node === undefined) return undefined;
  const other = node.input[0] === tensor ? node.input[1] : node.input[0];
  const same = shape(other)?.join() === shape(tensor)?.join();
  return same && other !== tensor && !graph.initializer(other) ? other : undefined;
}
