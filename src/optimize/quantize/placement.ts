// SPDX-License-Identifier: Apache-2.0
// Where quantize-dequantize pairs go. The rules follow what ONNX Runtime and TensorRT fuse into integer kernels; a pair in
// another place costs time and accuracy and gains nothing.
import type { Graph } from "../onnx/graph.js";
import type { NodeProto } from "../onnx/messages.js";
import { isOp, stringOf } from "../onnx/node.js";
import { type FloatNode, findLayers, type Layer } from "./layers.js";
import type { TargetProfile } from "./target.js";

export interface Placement {
  /** Layers that get INT8 weights. */
  readonly layers: readonly Layer[];
  /** Nodes that multiply and stay as they are. */
  readonly float: readonly FloatNode[];
  /** Tensors that get a pair, each with the tensor whose scale it shares: itself, or the one it is a copy of. */
  readonly tensors: ReadonlyMap<string, string>;
  /** Nodes that read quantized tensors: what stays float reads the original where it can. */
  readonly integerNodes: ReadonlySet<NodeProto>;
}

/** Copy, select or reorder elements: INT8 passes through where both sides have the same scale. */
const passThrough = [
  "MaxPool",
  "Transpose",
  "Reshape",
  "Flatten",
  "Squeeze",
  "Unsqueeze",
  "Slice",
  "Gather",
  "Expand",
  "DepthToSpace",
  "SpaceToDepth",
  "Split",
];

/** One input, one output, an integer kernel of its own with free scales. */
const unary = ["GlobalAveragePool", "AveragePool", "Sigmoid", "LeakyRelu"];

export function placePairs(graph: Graph, profile: TargetProfile, excluded: ReadonlySet<string>): Placement {
  const found = findLayers(graph);
  const layers = found.layers.filter(({ name }) => !excluded.has(name));
  const left = found.layers.filter(({ name }) => excluded.has(name));
  const float = [
    ...found.float,
    ...left.map(({ name, node }) => ({ name, op: node.opType ?? "", reason: "excluded" })),
  ];
  return {
    layers,
    float,
    ...(profile.quantizeOutputs ? new FullPlacement(graph, layers).run() : inputsOnly(graph, layers)),
  };
}

type Pairs = Pick<Placement, "tensors" | "integerNodes">;

/** Follows a node's result through the Relu or Clip that an integer kernel does on the side; ends before a graph output. */
export function fusedResult(graph: Graph, tensor: string): string {
  const next = graph.onlyConsumer(tensor);
  const isBounded =
    isOp(next, "Relu") ||
    (isOp(next, "Clip") && next?.input.slice(1).every((name) => !name || graph.initializer(name)));
  return isBounded && next?.input[0] === tensor ? (next.output[0] ?? tensor) : tensor;
}

/** TensorRT: pairs on what weighted layers read; what follows them is fused behind the layer in float. */
function inputsOnly(graph: Graph, layers: readonly Layer[]): Pairs {
  const tensors = new Map<string, string>();
  const integerNodes = new Set(layers.map(({ node }) => node));
  for (const { input } of layers) tensors.set(input, input);
  const outputs = new Set(layers.map(({ output }) => output));
  // A residual sum is fused behind the convolution of one branch when the other branch, the skip, comes quantized.
  for (const node of graph.nodes) {
    if (!isOp(node, "Add") || node.input.some((name) => graph.initializer(name))) continue;
    const branches = node.input.filter((name) => outputs.has(name) && graph.onlyConsumer(name) === node);
    const skip = node.input.find((name) => name !== branches[0]);
    if (branches.length === 0 || skip === undefined) continue;
    tensors.set(skip, skip);
    integerNodes.add(node);
  }
  return { tensors, integerNodes };
}

/** ONNX Runtime on a CPU: a node is integer when everything it reads and gives has a pair. */
class FullPlacement {
  readonly #graph: Graph;
  readonly #layers: readonly Layer[];
  readonly #active = new Set<NodeProto>();
  /** Tensors in INT8, made or read by an active node. */
  readonly #quantized = new Set<string>();
  /** From a copy to what it is a copy of. */
  readonly #sources = new Map<string, string>();

  constructor(graph: Graph, layers: readonly Layer[]) {
    this.#graph = graph;
    this.#layers = layers;
  }

  run(): Pairs {
    for (const layer of this.#layers) this.#addLayer(layer);
    this.#spread();
    this.#pullBack();
    this.#dropDeadEnds();
    const tensors = new Map([...this.#quantized].map((name) => [name, this.#root(name)]));
    return { tensors, integerNodes: this.#active };
  }

  #addLayer({ node, input, output, kind }: Layer): void {
    this.#active.add(node);
    this.#quantized.add(input);
    const result = fusedResult(this.#graph, output);
    // Matrix products may give floats, which saves the last rounding; a convolution must not.
    if (kind === "Conv" || !this.#graph.isOutput(result)) this.#quantized.add(result);
  }

  /** Forward: what reads only INT8 becomes integer too. Nodes are in topological order. */
  #spread(): void {
    for (const node of this.#graph.nodes) {
      if (this.#active.has(node)) continue;
      if (isOp(node, "Add", "Mul", "Concat") && node.input.every((name) => this.#quantized.has(name)))
        this.#addJoin(node);
      else if (isOp(node, ...unary) && this.#readsQuantized(node)) this.#addJoin(node);
      else if (this.#passes(node) && this.#readsQuantized(node)) this.#addCopy(node);
    }
  }

  #readsQuantized(node: NodeProto): boolean {
    return this.#quantized.has(node.input[0] ?? "");
  }

  #addJoin(node: NodeProto): void {
    const result = isOp(node, "Add", "Mul") ? fusedResult(this.#graph, node.output[0] ?? "") : (node.output[0] ?? "");
    if (node.output.some((name) => this.#graph.isOutput(name)) || this.#graph.isOutput(result)) return;
    this.#active.add(node);
    this.#quantized.add(result);
  }

  #addCopy(node: NodeProto): void {
    if (node.output.some((name) => this.#graph.isOutput(name))) return;
    this.#active.add(node);
    for (const output of node.output) {
      this.#quantized.add(output);
      this.#sources.set(output, node.input[0] ?? "");
    }
  }

  #passes(node: NodeProto): boolean {
    if (isOp(node, "MaxPool")) return node.output.length === 1;
    if (isOp(node, "Resize")) return stringOf(node, "mode", "nearest") === "nearest";
    if (isOp(node, "Gather")) return this.#graph.initializer(node.input[0]) === undefined;
    return isOp(node, ...passThrough);
  }

  /** Backward: a copy that an integer node reads is made in INT8, from a pair before it. */
  #pullBack(): void {
    for (const node of [...this.#graph.nodes].reverse()) {
      const [output = ""] = node.output;
      const isRead = node.output.length === 1 && this.#quantized.has(output) && !this.#active.has(node);
      const readers = this.#graph.consumers(output);
      if (!isRead || !this.#passes(node) || !readers.every((reader) => this.#active.has(reader))) continue;
      this.#addCopy(node);
      if (this.#active.has(node)) this.#quantized.add(node.input[0] ?? "");
    }
  }

  /** What no integer node reads gains nothing from being integer itself. */
  #dropDeadEnds(): void {
    const isLayer = new Set(this.#layers.map(({ node }) => node));
    for (const node of [...this.#graph.nodes].reverse()) {
      if (!this.#active.has(node) || isLayer.has(node) || isOp(node, "Add", "Mul", "Concat")) continue;
      const isRead = node.output.some((name) => this.#graph.consumers(name).some((reader) => this.#active.has(reader)));
      if (isRead) continue;
      this.#active.delete(node);
      for (const name of node.output) {
        this.#quantized.delete(name);
        this.#sources.delete(name);
      }
    }
  }

  #root(name: string): string {
    let root = name;
    for (let next = this.#sources.get(root); next !== undefined; next = this.#sources.get(root)) root = next;
    return root;
  }
}
