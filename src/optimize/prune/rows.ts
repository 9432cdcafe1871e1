// SPDX-License-Identifier: Apache-2.0
// A layer as rows of least squares: what it sums over at some positions of its output, and its weights as a matrix to match.
import type { Graph } from "../onnx/graph.js";
import type { NodeProto } from "../onnx/messages.js";
import { floatOf, intOf, intsOf, isOp, stringOf } from "../onnx/node.js";
import type { Values } from "../run/tensor-reader.js";

export interface LayerForm {
  readonly groups: number;
  /** Numbers summed over for one output of a group, and outputs of a group. */
  readonly dimension: number;
  readonly outputs: number;
  /** What a group sums over at positions of the output: rows [positions, dimension]. */
  rows(input: Values, output: readonly number[], positions: readonly number[], group: number): Float32Array;
  /** Weights as [outputs, dimension] of a group, and back. */
  read(weights: Float32Array, group: number): Float32Array;
  write(weights: Float32Array, group: number, matrix: Float32Array): void;
}

/** Undefined for nodes whose weights are not refitted. */
export function layerForm(graph: Graph, node: NodeProto): LayerForm | undefined {
  const dims = graph.initializer(node.input[1])?.dims;
  if (dims === undefined) return undefined;
  if (isOp(node, "Conv")) return convForm(node, dims);
  if (isOp(node, "MatMul") && dims.length === 2) return matrixForm(dims, false);
  const plain = isOp(node, "Gemm") && floatOf(node, "alpha", 1) === 1 && floatOf(node, "beta", 1) === 1;
  return plain ? matrixForm(dims, intOf(node, "transB", 0) === 1) : undefined;
}

function matrixForm(dims: readonly number[], transposed: boolean): LayerForm {
  const [dimension, outputs] = (transposed ? [...dims].reverse() : dims) as [number, number];
  const place = (output: number, i: number) => (transposed ? output * dimension + i : i * outputs + output);
  return {
    groups: 1,
    dimension,
    outputs,
    rows: ({ data }, _output, positions) => {
      const rows = new Float32Array(positions.length * dimension);
      for (const [row, position] of positions.entries())
        rows.set(data.subarray(position * dimension, (position + 1) * dimension), row * dimension);
      return rows;
    },
    read: (weights) => {
      const at = (i: number) => weights[place(Math.floor(i / dimension), i % dimension)] as number;
      return Float32Array.from({ length: outputs * dimension }, (_, i) => at(i));
    },
    write: (weights, _group, matrix) => {
      for (const [i, value] of matrix.entries()) weights[place(Math.floor(i / dimension), i % dimension)] = value;
    },
  };
}

/** Weights [outputs, inputs / groups, ...kernel], any number of spatial dims. Undefined for automatic padding. */
function convForm(node: NodeProto, dims: readonly number[]): LayerForm | undefined {
  if (!["NOTSET", "VALID"].includes(stringOf(node, "auto_pad", "NOTSET"))) return undefined;
  const groups = intOf(node, "group", 1);
  const kernel = dims.slice(2);
  const same = (value: number) => kernel.map(() => value);
  const strides = intsOf(node, "strides") ?? same(1);
  const dilations = intsOf(node, "dilations") ?? same(1);
  const pads = intsOf(node, "pads") ?? same(0);
  const window = { kernel, strides, dilations, pads, channels: dims[1] as number };
  const [dimension, outputs] = [dims.slice(1).reduce((a, b) => a * b, 1), (dims[0] as number) / groups];
  const size = outputs * dimension;
  return {
    groups,
    dimension,
    outputs,
    rows: (input, output, positions, group) => windows(input, output, positions, group, window),
    read: (weights, group) => weights.slice(group * size, (group + 1) * size),
    write: (weights, group, matrix) => weights.set(matrix, group * size),
  };
}

interface Window {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly pads: readonly number[];
  /** Of a group. */
  readonly channels: number;
}

/** What the filters of a group see at each position: channels, then the kernel's places; zeros outside of the image. */
function windows(
  { data, shape }: Values,
  output: readonly number[],
  positions: readonly number[],
  group: number,
  { kernel, strides, dilations, pads, channels }: Window,
): Float32Array {
  const [space, outSpace] = [shape.slice(2), output.slice(2)];
  const [area, outArea] = [product(space), product(outSpace)];
  const [places, dimension] = [product(kernel), channels * product(kernel)];
  const rows = new Float32Array(positions.length * dimension);
  for (const [row, position] of positions.entries()) {
    const origin = coordinates(position % outArea, outSpace).map((at, d) => at * (strides[d] ?? 1) - (pads[d] ?? 0));
    const first = (Math.floor(position / outArea) * (shape[1] as number) + group * channels) * area;
    for (let place = 0; place < places; place++) {
      const offset = inside(origin, coordinates(place, kernel), dilations, space);
      if (offset < 0) continue;
      for (let c = 0; c < channels; c++)
        rows[row * dimension + c * places + place] = data[first + c * area + offset] as number;
    }
  }
  return rows;
}

/** Offset of a pixel in its channel; -1 outside. */
function inside(
  origin: readonly number[],
  place: readonly number[],
  dilations: readonly number[],
  space: readonly number[],
): number {
  let offset = 0;
  for (const [d, size] of space.entries()) {
    const at = (origin[d] as number) + (place[d] as number) * (dilations[d] ?? 1);
    if (at < 0 || at >= size) return -1;
    offset = offset * size + at;
  }
  return offset;
}

function coordinates(index: number, dims: readonly number[]): number[] {
  const result = new Array<number>(dims.length);
  for (let d = dims.length - 1, rest = index; d >= 0; d--) {
    result[d] = rest % (dims[d] as number);
    rest = Math.floor(rest / (dims[d] as number));
  }
  return result;
}

function product(dims: readonly number[]): number {
  return dims.reduce((a, b) => a * b, 1);
}

/** A layer's outputs at positions: rows [positions, channels of the group]. `last`: channels are the last dim, else the second. */
export function outputRows(
  { data, shape }: Values,
  last: boolean,
  positions: readonly number[],
  channels: readonly number[],
): Float32Array {
  const area = last ? 1 : product(shape.slice(2));
  const width = (last ? shape.at(-1) : shape[1]) as number;
  const rows = new Float32Array(positions.length * channels.length);
  for (const [row, position] of positions.entries()) {
    const first = Math.floor(position / area) * width * area + (position % area);
    for (const [i, channel] of channels.entries())
      rows[row * channels.length + i] = data[first + channel * area] as number;
  }
  return rows;
}

/** Number of positions of a layer's output: samples times pixels, or rows. */
export function positionCount(shape: readonly number[], last: boolean): number {
  return last ? product(shape.slice(0, -1)) : (shape[0] ?? 1) * product(shape.slice(2));
}
