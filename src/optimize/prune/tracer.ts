// SPDX-License-Identifier: Apache-2.0
// What is known while channels are followed through a graph: which axis of each tensor holds which atoms, and what must be
// rewritten wherever atoms go.
import type { Graph } from "../onnx/graph.js";
import { captured } from "../onnx/graph.js";
import type { NodeProto } from "../onnx/messages.js";
import { isOp } from "../onnx/node.js";
import { Atoms } from "./atoms.js";

/** The one axis of a tensor whose elements may go; `atoms` has one for each of them. */
export interface Channels {
  readonly axis: number;
  readonly atoms: readonly number[];
}

/** Constant `input` of the node loses elements along an axis. */
export interface SliceEdit {
  readonly kind: "slice";
  readonly node: NodeProto;
  readonly input: number;
  readonly axis: number;
  readonly atoms: readonly number[];
  /** "out": the node makes these atoms; "in": it sums over them; "through": one number per atom that passes. */
  readonly role: "out" | "in" | "through";
}

/** Elements of an INT64 constant that count atoms: sizes of a Split, dims of a Reshape, bounds of a Slice. */
export interface CountEdit {
  readonly kind: "count";
  readonly node: NodeProto;
  readonly input: number;
  readonly position: number;
  /** The element becomes the number of these that stay. */
  readonly atoms: readonly number[];
}

/** Attribute `group` of a depthwise convolution. */
export interface GroupEdit {
  readonly kind: "group";
  readonly node: NodeProto;
  readonly atoms: readonly number[];
}

export type Edit = SliceEdit | CountEdit | GroupEdit;

/** A node with weights, or an input of the graph, that makes atoms. */
export interface Producer {
  readonly name: string;
  readonly node: NodeProto | undefined;
  readonly atoms: readonly number[];
}

export class Tracer {
  readonly graph: Graph;
  readonly atoms = new Atoms();
  readonly edits: Edit[] = [];
  readonly producers: Producer[] = [];
  /** Why atoms cannot go, by the operator that forbids it. */
  readonly obstacles = new Map<string, string>();
  readonly #shapes: ReadonlyMap<string, readonly number[]>;
  readonly #channels = new Map<string, Channels>();

  /** `shapes`: of the tensors of one run. */
  constructor(graph: Graph, shapes: ReadonlyMap<string, readonly number[]>) {
    this.graph = graph;
    this.#shapes = shapes;
  }

  shape(tensor: string | undefined): readonly number[] | undefined {
    return this.graph.initializer(tensor)?.dims ?? this.#shapes.get(tensor ?? "");
  }

  channels(tensor: string | undefined): Channels | undefined {
    return this.#channels.get(tensor ?? "");
  }

  /** Follows an axis of the tensor from here on, unless it does not fit the tensor's shape: then its atoms stay. */
  follow(tensor: string | undefined, axis: number, atoms: readonly number[]): void {
    const name = tensor ?? "";
    if (name === "") return;
    if (this.shape(name)?.[axis] === atoms.length) this.#channels.set(name, { axis, atoms });
    else this.atoms.freeze(atoms);
  }

  /** New atoms along an axis of the node's first output. */
  produce(node: NodeProto, count: number): number[] {
    const atoms = this.atoms.make(count);
    this.producers.push({ name: node.name ?? "", node, atoms });
    return atoms;
  }

  /** New atoms along an axis of an input of the graph. */
  produceInput(name: string, axis: number, count: number): void {
    const atoms = this.atoms.make(count);
    this.producers.push({ name, node: undefined, atoms });
    this.follow(name, axis, atoms);
  }

  /** Atoms that never go. */
  solid(count: number): number[] {
    const atoms = this.atoms.make(count);
    this.atoms.freeze(atoms);
    return atoms;
  }

  slice(node: NodeProto, input: number, axis: number, atoms: readonly number[], role: SliceEdit["role"]): void {
    this.edits.push({ kind: "slice", node, input, axis, atoms, role });
  }

  freezeTensor(tensor: string | undefined, why: string): void {
    const atoms = this.channels(tensor)?.atoms;
    if (atoms === undefined) return;
    this.atoms.freeze(atoms);
    this.obstacles.set(tensor ?? "", why);
  }

  /** Nothing that the node reads may go; nothing is known of what it gives. */
  refuse(node: NodeProto, why = `${node.opType} needs all channels`): void {
    for (const name of [...node.input, ...captured(node)]) this.freezeTensor(name, why);
  }

  /** The node's first output has the channels of the tensor. */
  pass(node: NodeProto, from: Channels): void {
    this.follow(node.output[0], from.axis, from.atoms);
  }

  /**
   * An element of an INT64 constant that counts atoms, if it is a positive number; 0 and -1 adapt by themselves. The constant may be
   * a part of a Concat. False when the element is computed otherwise.
   */
  count(node: NodeProto, input: number, position: number, atoms: readonly number[]): boolean {
    const name = node.input[input];
    const values = this.graph.integers(name);
    if (values !== undefined) {
      if ((values[position] ?? 0) > 0) this.edits.push({ kind: "count", node, input, position, atoms });
      return true;
    }
    const maker = this.graph.producer(name);
    if (!isOp(maker, "Concat") || maker === undefined) return false;
    let rest = position;
    for (const [i, part] of maker.input.entries()) {
      const length = this.shape(part)?.[0];
      if (length === undefined) return false;
      if (rest < length) return this.graph.integers(part) !== undefined && this.count(maker, i, rest, atoms);
      rest -= length;
    }
    return false;
  }
}
