// SPDX-License-Identifier: Apache-2.0
// A graph with its edges: who makes a tensor and who reads it. Edit through the methods, or call reindex() after an edit.
import { OrtserveError } from "../../errors.js";
import type { GraphProto, NodeProto, TensorProto, ValueInfo } from "./messages.js";
import type { OnnxModel } from "./model-file.js";
import { bodiesOf } from "./node.js";
import { type ElementView, floatValues, integerValues, tensorValues } from "./tensor-data.js";

export class Graph {
  readonly proto: GraphProto;
  /** Folder of external data. */
  readonly directory: string;
  #initializers = new Map<string, TensorProto>();
  #producers = new Map<string, NodeProto>();
  #consumers = new Map<string, NodeProto[]>();
  #outputs = new Set<string>();
  #names = new Set<string>();

  constructor(model: OnnxModel) {
    if (model.proto.graph === undefined) throw new OrtserveError("ERR_LOAD_FAILED", "the model has no graph");
    this.proto = model.proto.graph;
    this.directory = model.directory;
    this.reindex();
  }

  get nodes(): readonly NodeProto[] {
    return this.proto.node;
  }

  /** Inputs that a caller gives: those without an initializer of the same name. */
  get inputs(): ValueInfo[] {
    return this.proto.input.filter(({ name }) => !this.#initializers.has(name ?? ""));
  }

  initializer(name: string | undefined): TensorProto | undefined {
    return name === undefined ? undefined : this.#initializers.get(name);
  }

  /** Elements of a FLOAT initializer; undefined when the tensor is no such thing. */
  floats(name: string | undefined): Float32Array | undefined {
    const tensor = this.initializer(name);
    return tensor?.dataType === 1 ? floatValues(tensor, this.directory) : undefined;
  }

  /** Elements of an integer initializer; undefined when the tensor is none. */
  integers(name: string | undefined): number[] | undefined {
    const tensor = this.initializer(name);
    return tensor && integerValues(tensor, this.directory);
  }

  values(tensor: TensorProto): ElementView {
    return tensorValues(tensor, this.directory);
  }

  producer(tensor: string | undefined): NodeProto | undefined {
    return tensor === undefined ? undefined : this.#producers.get(tensor);
  }

  /** Nodes that read a tensor, once for each input; a node whose body captures it counts too. */
  consumers(tensor: string | undefined): readonly NodeProto[] {
    return this.#consumers.get(tensor ?? "") ?? [];
  }

  /** The one reader of a tensor that is no output of the graph. */
  onlyConsumer(tensor: string | undefined): NodeProto | undefined {
    const readers = this.consumers(tensor);
    return readers.length === 1 && !this.isOutput(tensor) ? readers[0] : undefined;
  }

  isOutput(tensor: string | undefined): boolean {
    return this.#outputs.has(tensor ?? "");
  }

  isInput(tensor: string | undefined): boolean {
    return this.inputs.some(({ name }) => name === tensor);
  }

  /** A name that nothing in the graph or its bodies has. */
  freshName(base: string): string {
    let name = base;
    for (let i = 1; this.#names.has(name); i++) name = `${base}_${i}`;
    this.#names.add(name);
    return name;
  }

  addInitializer(tensor: TensorProto): string {
    const name = tensor.name ?? "";
    this.proto.initializer.push(tensor);
    this.#initializers.set(name, tensor);
    this.#names.add(name);
    return name;
  }

  /** Makes every reader of `from`, bodies included, read `to`, except the `but` ones. Outputs of the graph keep their name. */
  redirect(from: string, to: string, but: ReadonlySet<NodeProto> = new Set()): void {
    for (const node of this.proto.node) if (!but.has(node)) redirectIn(node, from, to);
    this.reindex();
  }

  removeNodes(gone: ReadonlySet<NodeProto>): void {
    this.proto.node = this.proto.node.filter((node) => !gone.has(node));
    this.reindex();
  }

  /** Drops initializers that nothing reads. */
  dropUnused(): void {
    const used = (name = "") => this.#consumers.has(name) || this.#outputs.has(name);
    this.proto.initializer = this.proto.initializer.filter(({ name }) => used(name));
    const left = new Set(this.proto.initializer.map(({ name }) => name));
    const was = new Set(this.#initializers.keys());
    this.proto.input = this.proto.input.filter(({ name = "" }) => !was.has(name) || left.has(name));
    this.reindex();
  }

  /** Puts the nodes into an order in which each comes after what it reads; keeps the order where it is free. */
  sort(): void {
    this.proto.node = topologicalOrder(this.proto.node);
  }

  reindex(): void {
    this.#initializers = new Map(this.proto.initializer.map((tensor) => [tensor.name ?? "", tensor]));
    this.#producers = new Map();
    this.#consumers = new Map();
    this.#outputs = new Set(this.proto.output.map(({ name }) => name ?? ""));
    for (const node of this.proto.node) {
      for (const name of node.output) if (name !== "") this.#producers.set(name, node);
      for (const name of [...node.input, ...captured(node)]) {
        if (name === "") continue;
        const readers = this.#consumers.get(name);
        if (readers) readers.push(node);
        else this.#consumers.set(name, [node]);
      }
    }
    for (const name of namesIn(this.proto)) this.#names.add(name);
  }
}

/** Tensors of the outer graph that the node's bodies read. */
export function captured(node: NodeProto): string[] {
  return bodiesOf(node).flatMap((body) => {
    const own = new Set([...body.input, ...body.initializer].map(({ name }) => name));
    for (const inner of body.node) for (const name of inner.output) own.add(name);
    const read = body.node.flatMap((inner) => [...inner.input, ...captured(inner)]);
    return [...read, ...body.output.map(({ name = "" }) => name)].filter((name) => name !== "" && !own.has(name));
  });
}

/** Throws ERR_LOAD_FAILED for a graph with a cycle. */
export function topologicalOrder(nodes: readonly NodeProto[]): NodeProto[] {
  const makers = new Map(nodes.flatMap((node) => node.output.map((name) => [name, node] as const)));
  const state = new Map<NodeProto, "open" | "done">();
  const order: NodeProto[] = [];
  for (const root of nodes) {
    const stack = [root];
    while (stack.length > 0) {
      const node = stack.at(-1) as NodeProto;
      if (state.get(node) !== undefined) {
        stack.pop();
        if (state.get(node) === "open") order.push(node);
        state.set(node, "done");
        continue;
      }
      state.set(node, "open");
      const needed = [...node.input, ...captured(node)].flatMap((name) => makers.get(name) ?? []);
      for (const maker of needed.reverse()) {
        if (state.get(maker) === "open")
          throw new OrtserveError("ERR_LOAD_FAILED", `the graph has a cycle through node '${maker.name ?? ""}'`);
        if (state.get(maker) === undefined) stack.push(maker);
      }
    }
  }
  return order;
}

function redirectIn(node: NodeProto, from: string, to: string): void {
  if (node.input.includes(from)) node.input = node.input.map((name) => (name === from ? to : name));
  if (!captured(node).includes(from)) return;
  for (const body of bodiesOf(node)) {
    for (const inner of body.node) redirectIn(inner, from, to);
    body.output = body.output.map((value) => (value.name === from ? { ...value, name: to } : value));
  }
}

function* namesIn(graph: GraphProto): Generator<string> {
  for (const { name = "" } of [...graph.initializer, ...graph.input, ...graph.output]) yield name;
  for (const node of graph.node) {
    yield* node.output;
    if (node.name) yield node.name; // new nodes are named after their outputs, and ONNX Runtime wants names to be unique
    for (const body of bodiesOf(node)) yield* namesIn(body);
  }
}
