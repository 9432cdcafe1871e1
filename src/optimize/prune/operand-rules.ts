// SPDX-License-Identifier: Apache-2.0
// Operators that work element by element on several tensors: what is added together must lose the same channels.
import type { NodeProto } from "../onnx/messages.js";
import type { Channels, Tracer } from "./tracer.js";

interface Operand {
  readonly input: number;
  readonly name: string;
  readonly dims: readonly number[];
  readonly channels: Channels | undefined;
  /** First axis in terms of the result, which has the most. */
  readonly shift: number;
}

/** Broadcasts as NumPy does: shapes are aligned at their ends. The result has the channels of its operands. */
export function tieOperands(node: NodeProto, t: Tracer) {
  const operands = operandsOf(node, t);
  const rank = Math.max(...(operands ?? []).map(({ dims }) => dims.length));
  const shifted = (operands ?? []).map((one) => ({ ...one, shift: rank - one.dims.length }));
  const leader = shifted.find(({ channels }) => channels !== undefined && channels.atoms.length > 1);
  if (operands === undefined) return t.refuse(node);
  if (leader?.channels === undefined) {
    for (const { name } of operands) t.freezeTensor(name, "it is alone");
    return;
  }
  const axis = leader.channels.axis + leader.shift;
  const { atoms } = leader.channels;
  for (const one of shifted) if (one !== leader) tieOperand(node, t, one, axis, atoms);
  t.follow(node.output[0], axis, atoms);
}

function tieOperand(node: NodeProto, t: Tracer, one: Operand, axis: number, atoms: readonly number[]) {
  const own = axis - one.shift;
  const size = own < 0 ? 1 : (one.dims[own] ?? 1);
  if (one.channels && (one.channels.axis !== own || size !== atoms.length)) {
    t.freezeTensor(one.name, `${node.opType} broadcasts it`);
    if (size !== 1 || one.channels.axis !== own) t.atoms.freeze(atoms);
    return;
  }
  if (one.channels) return t.atoms.tieAll(atoms, one.channels.atoms);
  if (size === 1) return; // the same for all channels
  if (t.graph.initializer(one.name)) return t.slice(node, one.input, own, atoms, "through");
  t.atoms.freeze(atoms); // the other side keeps all its channels
}

function operandsOf(node: NodeProto, t: Tracer): Operand[] | undefined {
  const operands: Operand[] = [];
  for (const [input, name] of node.input.entries()) {
    const dims = t.shape(name);
    if (dims === undefined) return undefined;
    operands.push({ input, name, dims, channels: t.channels(name), shift: 0 });
  }
  return operands;
}

/** The result has the shape of the first input, or of each channel's part of it; other inputs are settings. */
export function sameChannels(node: NodeProto, t: Tracer) {
  const given = t.channels(node.input[0]);
  for (const name of node.input.slice(1)) t.freezeTensor(name, `${node.opType} takes it as a setting`);
  if (given) t.pass(node, given);
}

/** Works over the space of [N, C, ...]. */
export function spatial(node: NodeProto, t: Tracer) {
  const given = t.channels(node.input[0]);
  if (given && given.axis > 1) return t.refuse(node, `${node.opType} works over it`);
  sameChannels(node, t);
}
