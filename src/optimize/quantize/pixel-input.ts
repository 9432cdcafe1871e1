// SPDX-License-Identifier: Apache-2.0
// What `preprocess` computes of an image's pixels: in front of a UINT8 input the graph does it itself, or need not.
import { OrtserveError } from "../../errors.js";
import type { Distribution } from "../../runtime/histogram.js";
import { type PixelArithmetic, realsOf } from "../data/pixels.js";
import type { Graph } from "../onnx/graph.js";
import { ElementType, type NodeProto, type ValueInfo } from "../onnx/messages.js";
import { dimsOf, makeNode } from "../onnx/node.js";
import { int64Tensor, makeTensor } from "../onnx/tensor-data.js";
import { asymmetricParams, type QuantParams, quantizeAll, uint8 } from "./arithmetic.js";

const allPixels = Uint8Array.from({ length: 256 }, (_, pixel) => pixel);

/** What the 256 values of a pixel become, of channel `c`. */
function realValues({ mul, add }: PixelArithmetic, c: number): Float32Array {
  const one = { mul: [mul[c % mul.length] as number], add: [add[c % add.length] as number], axis: -1 } as const;
  return realsOf(allPixels, [256], one);
}

function channelsOf({ mul, add }: PixelArithmetic): number {
  return Math.max(mul.length, add.length);
}

/** Params in which integers are the pixels themselves; undefined where there are none. */
export function pixelParams(arithmetic: PixelArithmetic): QuantParams | undefined {
  const [scale = 0] = arithmetic.mul;
  if (channelsOf(arithmetic) > 1 || !(scale > 0)) return undefined;
  const zeroPoint = Math.round(-(arithmetic.add[0] ?? 0) / scale) + 0;
  if (zeroPoint < 0 || zeroPoint > 255) return undefined;
  const params = { type: uint8, scale, zeroPoint };
  return quantizeAll(realValues(arithmetic, 0), params).every((q, pixel) => q === pixel) ? params : undefined;
}

/** Ranges that hold every pixel, whatever the samples happened to show, by input; not where they hold what no pixel becomes. */
export function pixelRanges(
  arithmetic: ReadonlyMap<string, PixelArithmetic>,
  seen: ReadonlyMap<string, Distribution>,
): ReadonlyMap<string, QuantParams> {
  const fitting = [...arithmetic].flatMap(([name, one]) => {
    const params = rangeOf(one);
    return isOfPixels(one, seen.get(name)) ? [[name, params] as const] : [];
  });
  return new Map(fitting);
}

function rangeOf(arithmetic: PixelArithmetic): QuantParams {
  return pixelParams(arithmetic) ?? asymmetricParams(...boundsOf(arithmetic), uint8);
}

function boundsOf(arithmetic: PixelArithmetic): [number, number] {
  const values = Array.from({ length: channelsOf(arithmetic) }, (_, c) => [...realValues(arithmetic, c)]).flat();
  return [Math.min(...values), Math.max(...values)];
}

function isOfPixels(arithmetic: PixelArithmetic, seen: Distribution | undefined): boolean {
  const [low, high] = boundsOf(arithmetic);
  const { scale } = rangeOf(arithmetic);
  return seen !== undefined && seen.min >= low - scale && seen.max <= high + scale;
}

/** Throws ERR_INVALID_INPUT where samples hold what no pixel becomes: a model that takes pixels cannot be judged by them. */
export function checkPixels(name: string, arithmetic: PixelArithmetic, seen: Distribution | undefined): void {
  if (seen === undefined || isOfPixels(arithmetic, seen)) return;
  const [low, high] = boundsOf(arithmetic);
  throw new OrtserveError(
    "ERR_INVALID_INPUT",
    `--input-u8: expected calibration data from ${low} to ${high} for input '${name}', as preprocess makes of pixels, got ${seen.min} to ${seen.max}`,
  );
}

/** Nodes from the UINT8 input `pixels` to floats, and the tensor that those are; `axis` as the pixels lie. */
export function arithmeticNodes(
  graph: Graph,
  pixels: ValueInfo,
  { mul, add, axis }: PixelArithmetic,
): { nodes: NodeProto[]; result: string } {
  const { name = "" } = pixels;
  const row = axis === -1 && Math.max(mul.length, add.length) > 1 ? dimsOf(pixels)?.slice(-2) : undefined;
  const isFixed = row?.every((dim) => dim > 0) ?? false;
  const repeats = isFixed ? (row?.[0] as number) : 1;
  let result = name;
  const nodes: NodeProto[] = [];
  const append = (op: string, what: string, more: readonly string[] = [], attributes = {}) => {
    const next = graph.freshName(`${name}_${what}`);
    nodes.push(makeNode(op, [result, ...more], [next], attributes));
    result = next;
  };
  const apply = (op: "Mul" | "Add", values: readonly number[], neutral: number) => {
    if (values.every((value) => value === neutral)) return;
    const all = values.length === 1 ? [...values] : Array.from({ length: repeats }, () => values).flat();
    const dims = all.length === 1 ? [] : axis === -1 ? [all.length] : [all.length, 1, 1];
    const constant = graph.freshName(`${name}_${op.toLowerCase()}`);
    graph.addInitializer(makeTensor(constant, ElementType.float, dims, Float32Array.from(all)));
    append(op, op === "Mul" ? "scaled" : "real", [constant]);
  };
  append("Cast", "float", [], { to: ElementType.float });
  // A row of interleaved pixels is computed as one vector: three channels alone are too short for a fast loop.
  if (isFixed) append("Reshape", "rows", [reshaped(graph, name, pixels, [-1])]);
  apply("Mul", mul, 1);
  apply("Add", add, 0);
  if (isFixed) append("Reshape", "pixels", [reshaped(graph, name, pixels, row as number[])]);
  return { nodes, result };
}

/** A shape with other last two dims; the others are copied. */
function reshaped(graph: Graph, name: string, pixels: ValueInfo, last: readonly number[]): string {
  const rank = dimsOf(pixels)?.length ?? 0;
  return graph.addInitializer(int64Tensor(graph.freshName(`${name}_shape`), [...Array(rank - 2).fill(0), ...last]));
}
