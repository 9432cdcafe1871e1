// SPDX-License-Identifier: Apache-2.0
// The pattern of sparse tensor cores: of each four weights that follow one another along the input channels, two are zero.
import type { Graph } from "../onnx/graph.js";
import type { NodeProto } from "../onnx/messages.js";
import { intOf, isOp } from "../onnx/node.js";
import type { ChannelMeans } from "../run/channel-means.js";
import type { Constant } from "./constants.js";

export interface PatternLayer {
  readonly node: NodeProto;
  /** Of the input channels in the weights, and in what the layer is given; the latter counts from the end where it is negative. */
  readonly axis: number;
  readonly inputAxis: number;
}

export interface PatternPlan {
  readonly layers: readonly PatternLayer[];
  /** By layer's name, why its weights stay as they are. */
  readonly skipped: Readonly<Record<string, string>>;
}

/** Layers with constant weights whose input channels come in fours. */
export function planPattern(graph: Graph): PatternPlan {
  const layers: PatternLayer[] = [];
  const skipped: Record<string, string> = {};
  for (const node of graph.nodes) {
    if (!isOp(node, "Conv", "Gemm", "MatMul", "ConvTranspose")) continue;
    const found = patternLayer(graph, node);
    if (typeof found === "string") skipped[node.name ?? ""] = found;
    else layers.push(found);
  }
  return { layers, skipped };
}

function patternLayer(graph: Graph, node: NodeProto): PatternLayer | string {
  const dims = graph.initializer(node.input[1])?.dims;
  if (graph.floats(node.input[1]) === undefined || dims === undefined) return "its weights are no FP32 constant";
  if (isOp(node, "ConvTranspose")) return "transposed convolutions have no sparse kernels";
  if (isOp(node, "Conv") && intOf(node, "group", 1) > 1) return "grouped convolutions have no sparse kernels";
  if (!isOp(node, "Conv") && dims.length !== 2) return "its weights are no matrix";
  if (isOp(node, "Gemm") && intOf(node, "transA", 0) === 1) return "it transposes what it is given";
  const axis = isOp(node, "Conv") || intOf(node, "transB", 0) === 1 ? 1 : 0;
  const channels = dims[axis] as number;
  if (channels % 4 !== 0) return `its ${channels} input channels are no multiple of 4`;
  return { node, axis, inputAxis: isOp(node, "Conv") ? 1 : -1 };
}

/**
 * Two of each four weights along `axis` at zero: those with the smallest w^2 E[a^2], where a is what the weight's channel is given (Wanda's
 * criterion, squared). `energy`: E[a^2] by channel; undefined: 1 throughout.
 */
export function patterned({ dims, values }: Constant, axis: number, energy: Float64Array | undefined): Constant {
  const inner = dims.slice(axis + 1).reduce((a, b) => a * b, 1);
  const channels = dims[axis] as number;
  const result = (values as Float32Array).slice();
  for (let outer = 0; outer < result.length; outer += channels * inner)
    for (let channel = 0; channel < channels; channel += 4)
      for (let i = 0; i < inner; i++) {
        const at = outer + channel * inner + i;
        for (const k of leastTwo((k) => (result[at + k * inner] as number) ** 2 * (energy?.[channel + k] ?? 1)))
          result[at + k * inner] = 0;
      }
  return { dims, values: result };
}

/** Which two of four score least; of equals the first. */
function leastTwo(score: (k: number) => number): [number, number] {
  const [a, b, c, d] = [score(0), score(1), score(2), score(3)];
  const [low, high] = a <= b ? [0, 1] : [1, 0];
  const [other, more] = c <= d ? [2, 3] : [3, 2];
  const of = [a, b, c, d] as const;
  const value = (k: number) => of[k] as number;
  if (value(high) <= value(other)) return [low, high];
  if (value(more) < value(low)) return [other, more];
  return [low, other];
}

/** Share of a layer's sum of w^2 E[a^2] that the pattern takes away: what it may cost. */
export function damage({ dims, values }: Constant, axis: number, energy: Float64Array | undefined): number {
  const { values: kept } = patterned({ dims, values }, axis, energy);
  const inner = dims.slice(axis + 1).reduce((a, b) => a * b, 1);
  const channels = dims[axis] as number;
  let [all, gone] = [0, 0];
  for (let i = 0; i < values.length; i++) {
    const term = Number(values[i]) ** 2 * (energy?.[Math.floor(i / inner) % channels] ?? 1);
    all += term;
    if (kept[i] === 0) gone += term;
  }
  return all > 0 ? gone / all : 0;
}

export function energyOf(means: ChannelMeans | undefined, { node }: PatternLayer): Float64Array | undefined {
  return means?.energy(node.input[0] ?? "");
}
