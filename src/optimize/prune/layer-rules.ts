// SPDX-License-Identifier: Apache-2.0
// How channels go through the operators with weights: those that make them, sum over them, or scale each by a number of its own.
import { ElementType, type NodeProto } from "../onnx/messages.js";
import { intOf } from "../onnx/node.js";
import { tieOperands } from "./operand-rules.js";
import type { Channels, Tracer } from "./tracer.js";

function weightDims(t: Tracer, node: NodeProto): number[] | undefined {
  const weight = t.graph.initializer(node.input[1]);
  return weight?.dataType === ElementType.float ? weight.dims : undefined;
}

/** A bias of one number per output channel is sliced with them; one that all channels share stays. False for other biases. */
function sliceBias(t: Tracer, node: NodeProto, input: number, atoms: readonly number[], role: "out" | "through") {
  const name = node.input[input];
  if (!name) return true;
  const dims = t.graph.initializer(name)?.dims;
  if (dims === undefined) return false;
  if (dims.at(-1) === atoms.length && dims.slice(0, -1).every((dim) => dim === 1))
    t.slice(node, input, dims.length - 1, atoms, role);
  else return dims.every((dim) => dim === 1);
  return true;
}

export function conv(node: NodeProto, t: Tracer) {
  const dims = weightDims(t, node);
  const given = t.channels(node.input[0]);
  if (dims === undefined || (given && given.axis !== 1)) return t.refuse(node);
  const [outputs = 0, perGroup = 0] = dims;
  const groups = intOf(node, "group", 1);
  if (groups > 1 && perGroup === 1) return given && depthwise(node, t, given, outputs / groups);
  if (given) {
    tieGroups(t, given.atoms, groups);
    t.slice(node, 1, 1, given.atoms.slice(0, perGroup), "in");
  }
  const made = t.produce(node, outputs);
  tieGroups(t, made, groups);
  t.slice(node, 1, 0, made, "out");
  if (!sliceBias(t, node, 2, made, "out")) t.atoms.freeze(made);
  t.follow(node.output[0], 1, made);
}

/** Each group must lose as many as the others: the same places in each. */
function tieGroups(t: Tracer, atoms: readonly number[], groups: number) {
  const size = atoms.length / groups;
  for (let group = 1; group < groups; group++)
    for (let i = 0; i < size; i++) t.atoms.tie(atoms[i] as number, atoms[group * size + i] as number);
}

/** `multiplier`: filters for each channel. */
function depthwise(node: NodeProto, t: Tracer, given: Channels, multiplier: number) {
  const atoms = given.atoms.flatMap((atom) => Array<number>(multiplier).fill(atom));
  t.slice(node, 1, 0, atoms, "through");
  if (!sliceBias(t, node, 2, atoms, "through")) t.atoms.freeze(atoms);
  t.edits.push({ kind: "group", node, atoms: given.atoms });
  t.follow(node.output[0], 1, atoms);
}

/** Weights [inputs, outputs / groups, ...]. */
export function convTranspose(node: NodeProto, t: Tracer) {
  const dims = weightDims(t, node);
  const given = t.channels(node.input[0]);
  const groups = intOf(node, "group", 1);
  const isDepthwise = groups > 1 && groups === dims?.[0] && dims[1] === 1;
  if (dims === undefined || (given && given.axis !== 1) || (groups > 1 && !isDepthwise)) return t.refuse(node);
  if (isDepthwise) return given && depthwise(node, t, given, 1);
  if (given) t.slice(node, 1, 0, given.atoms, "in");
  const made = t.produce(node, dims[1] ?? 0);
  t.slice(node, 1, 1, made, "out");
  if (!sliceBias(t, node, 2, made, "out")) t.atoms.freeze(made);
  t.follow(node.output[0], 1, made);
}

export function gemm(node: NodeProto, t: Tracer) {
  const dims = weightDims(t, node);
  const given = t.channels(node.input[0]);
  if (dims === undefined || intOf(node, "transA", 0) !== 0 || (given && given.axis !== 1)) return t.refuse(node);
  const [inAxis, outAxis] = intOf(node, "transB", 0) === 1 ? [1, 0] : [0, 1];
  if (given) t.slice(node, 1, inAxis, given.atoms, "in");
  const made = t.produce(node, dims[outAxis] ?? 0);
  t.slice(node, 1, outAxis, made, "out");
  if (!sliceBias(t, node, 2, made, "out")) {
    t.atoms.freeze(made);
    t.freezeTensor(node.input[2], "it is added inside a Gemm");
  }
  t.follow(node.output[0], 1, made);
}

export function matMul(node: NodeProto, t: Tracer) {
  const constant = t.graph.initializer(node.input[1]);
  if (constant === undefined) return t.graph.initializer(node.input[0]) ? t.refuse(node) : productOfTwo(node, t);
  const dims = weightDims(t, node);
  const given = t.channels(node.input[0]);
  const last = (t.shape(node.input[0])?.length ?? 0) - 1;
  if (dims?.length !== 2 || last < 1) return t.refuse(node);
  if (given && given.axis !== last) return t.pass(node, given); // rows of the product
  if (given) t.slice(node, 1, 0, given.atoms, "in");
  const made = t.produce(node, dims[1] ?? 0);
  t.slice(node, 1, 1, made, "out");
  t.follow(node.output[0], last, made);
}

/** Of two activations: attention scores, and what they weigh. */
function productOfTwo(node: NodeProto, t: Tracer) {
  const [left, right] = [t.channels(node.input[0]), t.channels(node.input[1])];
  const ranks = [0, 1].map((i) => t.shape(node.input[i])?.length ?? 0);
  const [rank = 0] = ranks;
  if (rank < 2 || ranks[1] !== rank) return t.refuse(node);
  if (left === undefined && right === undefined) return;
  const isBatch = (channels: Channels | undefined) => channels === undefined || channels.axis < rank - 2;
  if (isBatch(left) && isBatch(right)) return tieOperands(node, t);
  if (left?.axis === rank - 1 && right?.axis === rank - 2) return t.atoms.tieAll(left.atoms, right.atoms); // summed over
  if (left?.axis === rank - 2 && right === undefined) return t.pass(node, left);
  if (right?.axis === rank - 1 && left === undefined) return t.pass(node, right);
  t.refuse(node);
}

/** One constant per channel in each of these inputs. */
export function perChannel(...inputs: readonly number[]) {
  return (node: NodeProto, t: Tracer) => {
    const given = t.channels(node.input[0]);
    if (given === undefined) return;
    const constant = inputs.every(
      (input) => t.shape(node.input[input])?.length === 1 && t.graph.initializer(node.input[input]),
    );
    if (given.axis !== 1 || !constant) return t.refuse(node);
    for (const input of inputs) t.slice(node, input, 0, given.atoms, "through");
    t.pass(node, given);
  };
}
