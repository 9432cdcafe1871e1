// SPDX-License-Identifier: Apache-2.0
// Cross-layer equalization (Nagel et al., 2019): a channel that is small before a layer and large after it, or the other way round,
// wastes the integers of both. Its scale is moved from one layer to the next; the function stays the same.
import { Graph } from "../onnx/graph.js";
import type { NodeProto, TensorProto } from "../onnx/messages.js";
import type { OnnxModel } from "../onnx/model-file.js";
import { intOf, isOp } from "../onnx/node.js";
import { makeTensor } from "../onnx/tensor-data.js";
import { findLayers, type Layer } from "./layers.js";
import { channelMagnitudes, channelView, eachInChannel } from "./weights.js";
import { copyGraph } from "./write-pairs.js";

/** Commute with multiplying a channel by a positive number. */
const homogeneous = ["Relu", "LeakyRelu", "MaxPool", "AveragePool", "GlobalAveragePool"];
const sweeps = 3;

interface Pair {
  readonly first: Layer;
  readonly second: Layer;
}

/** A copy with equalized weights, or undefined when no two layers follow each other directly. */
export function equalizeLayers(model: OnnxModel): OnnxModel | undefined {
  const draft = copyGraph(model);
  const graph = new Graph(draft);
  const pairs = findPairs(graph);
  if (pairs.length === 0) return undefined;
  const weights = new Weights(graph);
  for (let sweep = 0; sweep < sweeps; sweep++) for (const pair of pairs) equalize(graph, weights, pair);
  weights.store();
  return draft;
}

function findPairs(graph: Graph): Pair[] {
  const { layers } = findLayers(graph);
  const byNode = new Map(layers.map((layer) => [layer.node, layer]));
  const isOwn = ({ weight, bias }: Layer) =>
    [weight, bias].every((name) => name === undefined || graph.consumers(name).length === 1);
  return layers.flatMap((first) => {
    const second = byNode.get(nextLayer(graph, first.output) as NodeProto);
    // Channels must be the second axis on both sides: of a convolution's images, or of a matrix with two dims.
    const sameKind =
      second !== undefined && (first.kind === "Conv") === (second.kind === "Conv") && first.kind !== "MatMul";
    return sameKind && second.kind !== "MatMul" && isOwn(first) && isOwn(second) && hasPlainGroups(graph, second)
      ? [{ first, second }]
      : [];
  });
}

function nextLayer(graph: Graph, tensor: string): NodeProto | undefined {
  let next = graph.onlyConsumer(tensor);
  while (isOp(next, ...homogeneous)) next = graph.onlyConsumer(next?.output[0]);
  return next;
}

function hasPlainGroups(graph: Graph, { node, weight, kind }: Layer): boolean {
  const group = kind === "Conv" ? intOf(node, "group", 1) : 1;
  return group === 1 || isDepthwise(graph, node, weight);
}

function isDepthwise(graph: Graph, node: NodeProto, weight: string): boolean {
  const dims = graph.initializer(weight)?.dims ?? [];
  return intOf(node, "group", 1) > 1 && dims[1] === 1 && dims[0] === intOf(node, "group", 1);
}

/** Weights that may be changed: copies of the model's. */
class Weights {
  readonly #graph: Graph;
  readonly #values = new Map<string, Float32Array>();

  constructor(graph: Graph) {
    this.#graph = graph;
  }

  values(name: string): Float32Array {
    const known = this.#values.get(name) ?? Float32Array.from(this.#graph.floats(name) ?? []);
    this.#values.set(name, known);
    return known;
  }

  store(): void {
    const replace = (tensor: TensorProto) => {
      const values = this.#values.get(tensor.name ?? "");
      return values ? makeTensor(tensor.name ?? "", 1, tensor.dims, values) : tensor;
    };
    this.#graph.proto.initializer = this.#graph.proto.initializer.map(replace);
    this.#graph.reindex();
  }
}

function equalize(graph: Graph, weights: Weights, { first, second }: Pair): void {
  const view = (layer: Layer, axis: number) =>
    channelView(weights.values(layer.weight), graph.initializer(layer.weight)?.dims ?? [], axis);
  const outgoing = view(first, first.axis);
  // A depthwise filter has its input channel where others have the output channel.
  const incoming = view(second, isDepthwise(graph, second.node, second.weight) ? 0 : 1 - second.axis);
  if (outgoing.channels !== incoming.channels) return;
  const [before, after] = [channelMagnitudes(outgoing), channelMagnitudes(incoming)];
  const bias = first.bias === undefined ? undefined : weights.values(first.bias);
  for (let channel = 0; channel < outgoing.channels; channel++) {
    const [a, b] = [before[channel] as number, after[channel] as number];
    if (a === 0 || b === 0) continue; // a dead channel has no scale
    const scale = Math.sqrt(a / b);
    eachInChannel(outgoing, channel, (at) => {
      outgoing.values[at] = (outgoing.values[at] as number) / scale;
    });
    eachInChannel(incoming, channel, (at) => {
      incoming.values[at] = (incoming.values[at] as number) * scale;
    });
    if (bias) bias[channel] = (bias[channel] as number) / scale;
  }
}
