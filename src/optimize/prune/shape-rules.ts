// SPDX-License-Identifier: Apache-2.0
// Operators that join, cut, move and reshape channels.
import type { NodeProto } from "../onnx/messages.js";
import { attributeOf, intOf, intsOf, stringOf } from "../onnx/node.js";
import { regroup } from "./regroup.js";
import type { Tracer } from "./tracer.js";

const counted = "the size is computed from other values";

/** Axis counted from the front. */
function axisOf(t: Tracer, node: NodeProto, otherwise: number): number {
  const axis = intOf(node, "axis", otherwise);
  return axis < 0 ? axis + (t.shape(node.input[0])?.length ?? 0) : axis;
}

export function concat(node: NodeProto, t: Tracer) {
  const axis = axisOf(t, node, 0);
  const parts = node.input.map((name) => ({ name, dims: t.shape(name), channels: t.channels(name) }));
  const along = parts.find(({ channels }) => channels !== undefined)?.channels?.axis;
  if (along === undefined) return;
  const differs = parts.some(({ channels, dims }) => dims === undefined || (channels && channels.axis !== along));
  if (differs) return t.refuse(node);
  if (along === axis) {
    const atoms = parts.flatMap(({ channels, dims }) => channels?.atoms ?? t.solid(dims?.[axis] ?? 0));
    return t.follow(node.output[0], axis, atoms);
  }
  const leader = parts.find(({ channels }) => channels !== undefined)?.channels?.atoms ?? [];
  for (const { channels } of parts) {
    if (channels) t.atoms.tieAll(leader, channels.atoms);
    else t.atoms.freeze(leader);
  }
  t.follow(node.output[0], along, leader);
}

export function split(node: NodeProto, t: Tracer) {
  const given = t.channels(node.input[0]);
  if (given === undefined) return;
  if (axisOf(t, node, 0) !== given.axis) {
    for (const name of node.output) t.follow(name, given.axis, given.atoms);
    return;
  }
  const sizes = node.output.map((name) => t.shape(name)?.[given.axis]);
  // Without sizes the parts are equal, which they may not be afterwards.
  if (sizes.includes(undefined) || !t.graph.integers(node.input[1])) return t.refuse(node, counted);
  let start = 0;
  for (const [i, size = 0] of sizes.entries()) {
    const atoms = given.atoms.slice(start, start + size);
    t.count(node, 1, i, atoms);
    t.follow(node.output[i], given.axis, atoms);
    start += size;
  }
}

/** Starts, ends, axes and steps are inputs. */
export function slice(node: NodeProto, t: Tracer) {
  const given = t.channels(node.input[0]);
  if (given === undefined) return;
  const [starts, ends, axes, steps] = [1, 2, 3, 4].map((i) => t.graph.integers(node.input[i]));
  const rank = t.shape(node.input[0])?.length ?? 0;
  if (starts === undefined || ends === undefined || (node.input[3] && !axes) || (node.input[4] && !steps))
    return t.refuse(node, counted);
  const position = (axes ?? starts.map((_, i) => i)).findIndex(
    (axis) => (axis < 0 ? axis + rank : axis) === given.axis,
  );
  if (position < 0) return t.pass(node, given);
  const total = given.atoms.length;
  const bound = (value = 0) => Math.max(0, Math.min(total, value < 0 ? value + total : value));
  const [start, end] = [bound(starts[position]), bound(ends[position])];
  if ((steps?.[position] ?? 1) !== 1) return t.refuse(node, "a Slice takes every other one");
  // A bound becomes the number of channels that stay before it; those at either end of the axis fit by themselves.
  if (!isEdge(starts[position], total))
    t.edits.push({ kind: "count", node, input: 1, position, atoms: given.atoms.slice(0, start) });
  if (!isEdge(ends[position], total))
    t.edits.push({ kind: "count", node, input: 2, position, atoms: given.atoms.slice(0, end) });
  t.follow(node.output[0], given.axis, given.atoms.slice(start, end));
}

function isEdge(value = 0, total: number): boolean {
  return value === 0 || value > total;
}

export function transpose(node: NodeProto, t: Tracer) {
  const given = t.channels(node.input[0]);
  const rank = t.shape(node.input[0])?.length ?? 0;
  const perm = intsOf(node, "perm") ?? Array.from({ length: rank }, (_, i) => rank - 1 - i);
  if (given) t.follow(node.output[0], perm.indexOf(given.axis), given.atoms);
}

/** Reshape, Flatten, Squeeze and Unsqueeze: the elements stay in order, so the two shapes tell where channels are. */
export function reshape(node: NodeProto, t: Tracer) {
  const given = t.channels(node.input[0]);
  const [before, after] = [t.shape(node.input[0]), t.shape(node.output[0])];
  if (given === undefined) return;
  const found = before && after && regroup(before, after, given.axis);
  if (!found) return t.refuse(node, `${node.opType} mixes it with others`);
  for (const tied of found.ties(given.atoms)) for (const atom of tied.slice(1)) t.atoms.tie(tied[0] as number, atom);
  const atoms = found.atoms(given.atoms);
  if (node.opType === "Reshape" && !t.count(node, 1, found.axis, atoms)) return t.refuse(node, counted);
  t.follow(node.output[0], found.axis, atoms);
}

/** Channels in bundles of one per pixel of a block. */
export function depthToSpace(node: NodeProto, t: Tracer) {
  const given = t.channels(node.input[0]);
  if (given === undefined) return;
  if (given.axis !== 1) return t.refuse(node);
  const block = intOf(node, "blocksize", 1) ** 2;
  const channels = given.atoms.length / block;
  const isDcr = stringOf(node, "mode", "DCR") === "DCR";
  const atoms = Array.from({ length: channels }, (_, channel) => {
    const bundle = Array.from(
      { length: block },
      (_, i) => given.atoms[isDcr ? i * channels + channel : channel * block + i],
    );
    for (const atom of bundle) t.atoms.tie(bundle[0] as number, atom as number);
    return bundle[0] as number;
  });
  t.follow(node.output[0], 1, atoms);
}

export function spaceToDepth(node: NodeProto, t: Tracer) {
  const given = t.channels(node.input[0]);
  if (given === undefined) return;
  if (given.axis !== 1) return t.refuse(node);
  const atoms = Array.from({ length: intOf(node, "blocksize", 1) ** 2 }, () => given.atoms).flat();
  t.follow(node.output[0], 1, atoms);
}

export function gather(node: NodeProto, t: Tracer) {
  const given = t.channels(node.input[0]);
  const indexRank = t.shape(node.input[1])?.length;
  t.freezeTensor(node.input[1], "Gather takes it as indices");
  if (given === undefined) return;
  const axis = axisOf(t, node, 0);
  if (indexRank === undefined || axis === given.axis) return t.refuse(node, "Gather picks from it by number");
  t.follow(node.output[0], given.axis < axis ? given.axis : given.axis + indexRank - 1, given.atoms);
}

/** Of shapes only those dims may be read that no channel counts in. */
export function shapeOf(node: NodeProto, t: Tracer) {
  const given = t.channels(node.input[0]);
  if (given === undefined) return;
  const rank = t.shape(node.input[0])?.length ?? 0;
  const readers = t.graph.consumers(node.output[0]);
  const from = (axis: number) => (axis < 0 ? axis + rank : axis);
  const [first, end] = [from(intOf(node, "start", 0)), Math.min(rank, from(intOf(node, "end", rank)))];
  const isRead = (reader: NodeProto) => readsDim(t, reader, given.axis - first, end - first);
  const outside = given.axis < first || given.axis >= end;
  if (!outside && (t.graph.isOutput(node.output[0]) || readers.some(isRead)))
    t.refuse(node, "its size is computed with");
}

function readsDim(t: Tracer, reader: NodeProto, dim: number, rank: number): boolean {
  const list = (input: number) => t.graph.integers(reader.input[input]);
  const from = (index: number) => (index < 0 ? index + rank : index);
  if (reader.opType === "Gather") return list(1)?.some((index) => from(index) === dim) ?? true;
  if (reader.opType !== "Slice" || (list(4) ?? [1])[0] !== 1) return true;
  const [start, end] = [list(1)?.[0], list(2)?.[0]];
  return start === undefined || end === undefined || (dim >= from(start) && dim < from(end));
}

export function pad(node: NodeProto, t: Tracer) {
  const given = t.channels(node.input[0]);
  if (given === undefined) return;
  const pads = t.graph.integers(node.input[1]);
  const rank = t.shape(node.input[0])?.length ?? 0;
  const none = pads?.length === 2 * rank && pads[given.axis] === 0 && pads[given.axis + rank] === 0;
  if (none && !node.input[3]) t.pass(node, given);
  else t.refuse(node, "Pad adds channels");
}

/** Sizes, where they are given instead of scales, name the channels too. */
export function resize(node: NodeProto, t: Tracer) {
  const given = t.channels(node.input[0]);
  if (given === undefined) return;
  const fits = given.axis === 1 && attributeOf(node, "axes") === undefined;
  if (fits && (!node.input[3] || t.count(node, 3, given.axis, given.atoms))) t.pass(node, given);
  else t.refuse(node);
}

export function expand(node: NodeProto, t: Tracer) {
  const given = t.channels(node.input[0]);
  const [before, after] = [t.shape(node.input[0]), t.shape(node.output[0])];
  if (given === undefined) return;
  const shift = (after?.length ?? 0) - (before?.length ?? 0);
  const same = after?.[given.axis + shift] === given.atoms.length;
  const wanted = t.shape(node.input[1])?.[0] ?? 0;
  const position = given.axis + shift - ((after?.length ?? 0) - wanted);
  const constant = t.graph.integers(node.input[1]);
  if (!same || constant === undefined) return t.refuse(node, counted);
  if ((constant[position] ?? 1) > 1) t.count(node, 1, position, given.atoms);
  t.follow(node.output[0], given.axis + shift, given.atoms);
}

/** Means, sums and extremes over some axes: a constant input, or an attribute. */
export function reduce(node: NodeProto, t: Tracer) {
  const given = t.channels(node.input[0]);
  if (given === undefined) return;
  const rank = t.shape(node.input[0])?.length ?? 0;
  const listed = node.input[1] ? t.graph.integers(node.input[1]) : (intsOf(node, "axes") ?? []);
  if (!listed?.length) return t.refuse(node, `${node.opType} works over it`);
  const axes = listed.map((axis) => (axis < 0 ? axis + rank : axis));
  if (axes.includes(given.axis)) return t.refuse(node, `${node.opType} works over it`);
  const before = axes.filter((axis) => axis < given.axis).length;
  const axis = intOf(node, "keepdims", 1) === 1 ? given.axis : given.axis - before;
  t.follow(node.output[0], axis, given.atoms);
}

/** Statistics over an axis, or over all from one on, would change if it had fewer elements. */
export function normalizes(from: "axis" | "axis onwards") {
  return (node: NodeProto, t: Tracer) => {
    const given = t.channels(node.input[0]);
    if (given === undefined) return;
    const axis = axisOf(t, node, -1);
    const touches = from === "axis" ? given.axis === axis : given.axis >= axis;
    if (touches) t.refuse(node, `${node.opType} works over it`);
    t.pass(node, given);
  };
}
