// SPDX-License-Identifier: Apache-2.0
// Writes a placement into a graph: QuantizeLinear and DequantizeLinear around activations, INT8 weights, INT32 biases.
import { Graph } from "../onnx/graph.js";
import { ElementType, type GraphProto, type NodeProto } from "../onnx/messages.js";
import type { OnnxModel } from "../onnx/model-file.js";
import { makeNode } from "../onnx/node.js";
import { floatScalar, makeTensor } from "../onnx/tensor-data.js";
import type { QuantParams } from "./arithmetic.js";
import type { Layer } from "./layers.js";
import type { Placement } from "./placement.js";
import type { TargetProfile } from "./target.js";
import { channelView, leastScales, quantizeBias, quantizeWeight, type WeightOptions } from "./weights.js";

export interface WriteSettings {
  readonly profile: TargetProfile;
  /** By the name of the tensor whose scale counts: the values of {@link Placement.tensors}. */
  readonly params: ReadonlyMap<string, QuantParams>;
  readonly weights: Pick<WeightOptions, "perTensor" | "reduceRange">;
}

/** A new model; the given one stays as it is, and shares with it what both have. */
export function writePairs(model: OnnxModel, placement: Placement, settings: WriteSettings): OnnxModel {
  const draft = copyGraph(model);
  new PairWriter(new Graph(draft), placement, settings).write();
  return draft;
}

/** Nodes and lists are copied, in bodies, too, so that they may be edited; weights are shared. */
export function copyGraph({ proto, directory }: OnnxModel): OnnxModel {
  const graph = { ...copyBody(proto.graph as GraphProto), valueInfo: [] };
  return { proto: { ...proto, opsetImport: [...proto.opsetImport], graph }, directory };
}

function copyBody(graph: GraphProto): GraphProto {
  const node = graph.node.map((one) => ({
    ...one,
    input: [...one.input],
    output: [...one.output],
    attribute: one.attribute.map((attribute) => ({
      ...attribute,
      graphs: attribute.graphs.map(copyBody),
      ...(attribute.g && { g: copyBody(attribute.g) }),
    })),
  }));
  const { initializer, input, output } = graph;
  return { ...graph, node, initializer: [...initializer], input: [...input], output: [...output] };
}

class PairWriter {
  readonly #graph: Graph;
  readonly #placement: Placement;
  readonly #settings: WriteSettings;
  /** Copies of the placement's nodes, which are those of the original. */
  readonly #copies: ReadonlyMap<string, NodeProto>;
  readonly #integer: ReadonlySet<string>;
  /** Names of dequantized weights, by weight and channel axis. */
  readonly #weights = new Map<string, { name: string; scales: Float32Array }>();
  readonly #added: NodeProto[] = [];

  constructor(graph: Graph, placement: Placement, settings: WriteSettings) {
    this.#graph = graph;
    this.#placement = placement;
    this.#settings = settings;
    this.#copies = new Map(graph.nodes.map((node) => [node.name ?? "", node]));
    this.#integer = new Set([...placement.integerNodes].map(({ name = "" }) => name));
  }

  write(): void {
    for (const layer of this.#placement.layers) this.#writeLayer(layer);
    for (const [name, root] of this.#placement.tensors)
      this.#writePair(name, this.#settings.params.get(root) as QuantParams);
    this.#graph.proto.node.push(...this.#added);
    this.#graph.reindex();
    this.#graph.sort();
    this.#graph.dropUnused();
  }

  #writePair(name: string, params: QuantParams): void {
    const graph = this.#graph;
    const isInteger = (node: NodeProto) => this.#integer.has(node.name ?? "");
    const maker = graph.producer(name);
    // Only what an integer kernel will give must be read through the pair by everyone; what was float before stays float for others.
    const madeInteger = maker !== undefined && this.#isMadeInteger(name, maker);
    const readers = graph.consumers(name).filter((node) => madeInteger || isInteger(node));
    let source = name;
    let result = graph.freshName(`${name}_dequantized`);
    if (graph.isOutput(name) && maker) {
      source = graph.freshName(`${name}_float`);
      maker.output = maker.output.map((output) => (output === name ? source : output));
      result = name;
    }
    if (result !== name) {
      const others = new Set(graph.nodes.filter((node) => !readers.includes(node)));
      graph.redirect(name, result, others);
    }
    this.#added.push(...this.#pair(source, result, params));
    graph.reindex();
  }

  /** Through a fused Relu or Clip to the node whose kernel it is. */
  #isMadeInteger(name: string, maker: NodeProto): boolean {
    if (this.#integer.has(maker.name ?? "")) return this.#settings.profile.quantizeOutputs;
    const before = this.#graph.producer(maker.input[0]);
    const fused = maker.opType === "Relu" || maker.opType === "Clip";
    return (
      fused &&
      before !== undefined &&
      this.#graph.onlyConsumer(maker.input[0]) === maker &&
      this.#isMadeInteger(name, before)
    );
  }

  #pair(source: string, result: string, params: QuantParams): NodeProto[] {
    const [quantized, scale, zeroPoint] = ["quantized", "scale", "zero_point"].map((what) =>
      this.#graph.freshName(`${source}_${what}`),
    ) as [string, string, string];
    this.#graph.addInitializer(floatScalar(scale, params.scale));
    const zero = params.type.name === "int8" ? Int8Array.of(params.zeroPoint) : Uint8Array.of(params.zeroPoint);
    this.#graph.addInitializer(makeTensor(zeroPoint, params.type.elementType, [], zero));
    const named = (node: NodeProto) => ({ ...node, name: this.#graph.freshName(`${source}_${node.opType}`) });
    return [
      named(makeNode("QuantizeLinear", [source, scale, zeroPoint], [quantized])),
      named(makeNode("DequantizeLinear", [quantized, scale, zeroPoint], [result])),
    ];
  }

  #writeLayer(layer: Layer): void {
    const node = this.#copies.get(layer.name) as NodeProto;
    const inputScale = this.#settings.params.get(this.#placement.tensors.get(layer.input) ?? "")?.scale ?? 1;
    const bias = layer.bias === undefined ? undefined : this.#graph.floats(layer.bias);
    const { name, scales } = this.#writeWeight(layer, bias, inputScale);
    node.input[1] = name;
    if (bias && this.#settings.profile.integerBias) node.input[2] = this.#writeBias(layer, bias, inputScale, scales);
  }

  #writeWeight(
    layer: Layer,
    bias: Float32Array | undefined,
    inputScale: number,
  ): { name: string; scales: Float32Array } {
    const graph = this.#graph;
    const tensor = graph.initializer(layer.weight);
    const values = graph.floats(layer.weight) as Float32Array;
    const dims = tensor?.dims ?? [];
    const { perTensor = false } = this.#settings.weights;
    const least =
      bias && this.#settings.profile.integerBias ? { atLeast: leastScales(bias, inputScale, perTensor) } : {};
    const weight = quantizeWeight(channelView(values, dims, layer.axis), { ...this.#settings.weights, ...least });
    // A weight that two layers share is stored once, unless a bias asked for larger scales.
    const key = `${layer.weight}|${layer.axis}|${weight.scales.join()}`;
    const known = this.#weights.get(key);
    if (known) return known;
    const stored = graph.addInitializer(
      makeTensor(graph.freshName(`${layer.weight}_int8`), ElementType.int8, dims, weight.values),
    );
    const name = this.#dequantize(stored, weight.scales, perTensor ? undefined : layer.axis, true);
    const written = { name, scales: weight.scales };
    this.#weights.set(key, written);
    return written;
  }

  #writeBias(layer: Layer, bias: Float32Array, inputScale: number, weightScales: Float32Array): string {
    const graph = this.#graph;
    const { values, scales } = quantizeBias(bias, inputScale, weightScales);
    const stored = makeTensor(graph.freshName(`${layer.bias}_int32`), ElementType.int32, [bias.length], values);
    return this.#dequantize(graph.addInitializer(stored), scales, 0, false);
  }

  #dequantize(stored: string, scales: Float32Array, axis: number | undefined, zeroPoint: boolean): string {
    const graph = this.#graph;
    const dims = axis === undefined ? [] : [scales.length];
    const scale = graph.addInitializer(makeTensor(graph.freshName(`${stored}_scale`), ElementType.float, dims, scales));
    const zero = () =>
      makeTensor(graph.freshName(`${stored}_zero_point`), ElementType.int8, dims, new Int8Array(scales.length));
    const result = graph.freshName(`${stored}_dequantized`);
    const inputs = [stored, scale, ...(zeroPoint ? [graph.addInitializer(zero())] : [])];
    this.#added.push(makeNode("DequantizeLinear", inputs, [result], axis === undefined ? {} : { axis }));
    return result;
  }
}
