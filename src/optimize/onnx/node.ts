// SPDX-License-Identifier: Apache-2.0
// Nodes and their attributes: made, read and changed.
import {
  type AttributeProto,
  AttributeType,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  type TensorProto,
  type ValueInfo,
} from "./messages.js";
import { clampedInt } from "./tensor-data.js";
import type { Int } from "./wire.js";

/** A number is an INT; floats are wrapped, since 1 and 1.0 are one thing in JavaScript. */
export type AttributeValue =
  | number
  | bigint
  | string
  | { readonly float: number }
  | { readonly floats: readonly number[] }
  | readonly Int[]
  | readonly string[]
  | TensorProto
  | GraphProto;

const text = new TextEncoder();
const fromText = new TextDecoder();

export function makeAttribute(name: string, value: AttributeValue): AttributeProto {
  const attribute: AttributeProto = { name, floats: [], ints: [], strings: [], tensors: [], graphs: [] };
  if (typeof value === "number" || typeof value === "bigint")
    return { ...attribute, type: AttributeType.int, i: value };
  if (typeof value === "string") return { ...attribute, type: AttributeType.string, s: text.encode(value) };
  if ("float" in value) return { ...attribute, type: AttributeType.float, f: value.float };
  if ("floats" in value) return { ...attribute, type: AttributeType.floats, floats: [...value.floats] };
  if ("node" in value) return { ...attribute, type: AttributeType.graph, g: value };
  if ("dims" in value) return { ...attribute, type: AttributeType.tensor, t: value };
  if (typeof value[0] === "string")
    return { ...attribute, type: AttributeType.strings, strings: value.map((one) => text.encode(String(one))) };
  return { ...attribute, type: AttributeType.ints, ints: [...(value as readonly Int[])] };
}

/** A node named after its first output. */
export function makeNode(
  opType: string,
  input: readonly string[],
  output: readonly string[],
  attributes: Readonly<Record<string, AttributeValue>> = {},
  domain = "",
): NodeProto {
  return {
    name: output[0] ?? "",
    opType,
    ...(domain !== "" && { domain }),
    input: [...input],
    output: [...output],
    attribute: Object.entries(attributes).map(([name, value]) => makeAttribute(name, value)),
    metadataProps: [],
  };
}

export function attributeOf(node: NodeProto, name: string): AttributeProto | undefined {
  return node.attribute.find((attribute) => attribute.name === name);
}

export function intOf(node: NodeProto, name: string, otherwise: number): number {
  const value = attributeOf(node, name)?.i;
  return value === undefined ? otherwise : clampedInt(value);
}

export function floatOf(node: NodeProto, name: string, otherwise: number): number {
  return attributeOf(node, name)?.f ?? otherwise;
}

export function intsOf(node: NodeProto, name: string): number[] | undefined {
  return attributeOf(node, name)?.ints.map(clampedInt);
}

export function stringOf(node: NodeProto, name: string, otherwise: string): string {
  const value = attributeOf(node, name)?.s;
  return value === undefined ? otherwise : fromText.decode(value);
}

export function setAttribute(node: NodeProto, name: string, value: AttributeValue): void {
  dropAttribute(node, name);
  node.attribute.push(makeAttribute(name, value));
}

export function dropAttribute(node: NodeProto, name: string): void {
  node.attribute = node.attribute.filter((attribute) => attribute.name !== name);
}

/** Whether the node is of ONNX's own domain, and of one of these types. */
export function isOp(node: NodeProto | undefined, ...types: readonly string[]): boolean {
  const standard = node !== undefined && (node.domain === undefined || node.domain === "" || node.domain === "ai.onnx");
  return standard && types.includes(node?.opType ?? "");
}

/** Graphs in the node's attributes: branches of an If, bodies of a Loop. */
export function bodiesOf(node: NodeProto): GraphProto[] {
  return node.attribute.flatMap(({ g, graphs }) => [...(g ? [g] : []), ...graphs]);
}

/** A tensor input or output. A dim is a number, or the name of one that varies. */
export function makeValue(name: string, elemType: number, dims: readonly (number | string)[]): ValueInfo {
  const dim = dims.map((one) => (typeof one === "number" ? { dimValue: one } : { dimParam: one }));
  return { name, type: { tensorType: { elemType, shape: { dim } } }, metadataProps: [] };
}

/** Dims of a tensor value; -1 where they vary, undefined when the rank is open. */
export function dimsOf(value: ValueInfo | undefined): number[] | undefined {
  return value?.type?.tensorType?.shape?.dim.map(({ dimValue }) => dimValue ?? -1);
}

export interface ModelParts {
  readonly nodes: NodeProto[];
  readonly initializers?: TensorProto[];
  readonly inputs: ValueInfo[];
  readonly outputs: ValueInfo[];
  /** Of ONNX's own operators. Default: 17. */
  readonly opset?: number;
  readonly name?: string;
}

/** A new model of IR version 8. */
export function makeModel({
  nodes,
  initializers = [],
  inputs,
  outputs,
  opset = 17,
  name = "graph",
}: ModelParts): ModelProto {
  const graph = {
    name,
    node: nodes,
    initializer: initializers,
    input: inputs,
    output: outputs,
    valueInfo: [],
    metadataProps: [],
  };
  return {
    irVersion: 8,
    producerName: "ortserve",
    graph,
    opsetImport: [{ domain: "", version: opset }],
    metadataProps: [],
    functions: [],
  };
}
