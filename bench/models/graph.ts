// SPDX-License-Identifier: Apache-2.0
// Writes FP32 ONNX graphs with reproducible weights, so that a benchmark or a test needs no download.
import { modelBytes } from "../../src/optimize/onnx/codec.js";
import { ElementType, type NodeProto, type TensorProto, type ValueInfo } from "../../src/optimize/onnx/messages.js";
import { type AttributeValue, makeModel, makeNode, makeValue } from "../../src/optimize/onnx/node.js";
import { int64Tensor, makeTensor } from "../../src/optimize/onnx/tensor-data.js";

/** Numbers in [-1, 1) that depend on the seed alone (mulberry32). */
export function reproducibleNumbers(seed: number, count: number, scale = 1): Float32Array {
  let state = seed >>> 0;
  return Float32Array.from({ length: count }, () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return scale * (((t ^ (t >>> 14)) >>> 0) / 2 ** 31 - 1);
  });
}

export interface ConvOptions {
  /** Side of the square filter. Default: 3, with padding that keeps the size. */
  kernel?: number;
  stride?: number;
  /** Default: 1. As many as channels: depthwise. */
  groups?: number;
  /** Multiplies the weights; 1 keeps the variance of a Relu network. */
  gain?: number;
  /** A BatchNormalization follows, which gives the layer its bias. */
  batchNorm?: boolean;
}

/** Builds a chain of layers: each method appends a node that reads the previous one's output; `at` and `use` make branches. */
export class GraphBuilder {
  readonly nodes: NodeProto[] = [];
  readonly initializers: TensorProto[] = [];
  private last = "x";
  private seed: number;

  constructor(seed: number) {
    this.seed = seed;
  }

  /** Name of the current tensor, to come back to. */
  get at(): string {
    return this.last;
  }

  /** Goes on from another tensor. */
  use(tensor: string): this {
    this.last = tensor;
    return this;
  }

  /** `y = x W + b`, weights [inputs, outputs]; x [N, inputs]. */
  dense(inputs: number, outputs: number): this {
    const w = this.weights([inputs, outputs], inputs);
    const b = this.weights([outputs], inputs);
    return this.append("Gemm", [w, b]);
  }

  /** `y = x W + b` over the last dim, as a MatMul and an Add. */
  project(inputs: number, outputs: number): this {
    const w = this.weights([inputs, outputs], inputs);
    return this.append("MatMul", [w]).append("Add", [this.weights([outputs], inputs)]);
  }

  conv(inputs: number, outputs: number, stride: number, options: ConvOptions = {}): this {
    const { kernel = 3, groups = 1, gain = 1, batchNorm = false } = options;
    const fanIn = (inputs / groups) * kernel * kernel;
    const dims = [outputs, inputs / groups, kernel, kernel];
    // Twice the variance of a linear layer: Relu halves it.
    const w = this.weights(dims, fanIn / (2 * gain * gain));
    const b = batchNorm ? [] : [this.weights([outputs], 4 * fanIn)];
    const pad = (kernel - 1) / 2;
    const attributes = {
      kernel_shape: [kernel, kernel],
      strides: [stride, stride],
      pads: [pad, pad, pad, pad],
      ...(groups > 1 && { group: groups }),
    };
    this.append("Conv", [w, ...b], attributes);
    return batchNorm ? this.batchNorm(outputs) : this;
  }

  batchNorm(channels: number): this {
    const around = (centre: number, spread: number) =>
      this.constant(
        [channels],
        reproducibleNumbers(this.seed++, channels, spread).map((value) => centre + value),
      );
    return this.append("BatchNormalization", [around(1, 0.2), around(0, 0.1), around(0, 0.1), around(1, 0.2)]);
  }

  relu(): this {
    return this.append("Relu");
  }

  /** Clips to 0..6. */
  relu6(): this {
    return this.append("Clip", [this.constant([], Float32Array.of(0)), this.constant([], Float32Array.of(6))]);
  }

  add(other: string): this {
    return this.append("Add", [other]);
  }

  maxPool(kernel: number, stride: number): this {
    const pad = Math.floor((kernel - 1) / 2);
    return this.append("MaxPool", [], {
      kernel_shape: [kernel, kernel],
      strides: [stride, stride],
      pads: [pad, pad, pad, pad],
    });
  }

  /** Mean over each channel's pixels: [N, C, H, W] -> [N, C]. */
  channelMeans(): this {
    return this.append("GlobalAveragePool").append("Flatten");
  }

  /** Gelu by its definition with Erf, as exporters write it. */
  gelu(): this {
    const x = this.last;
    this.append("Div", [this.constant([], Float32Array.of(Math.SQRT2))]).append("Erf");
    this.append("Add", [this.constant([], Float32Array.of(1))]).append("Mul", [x]);
    return this.append("Mul", [this.constant([], Float32Array.of(0.5))]);
  }

  layerNorm(width: number): this {
    const scale = this.constant([width], new Float32Array(width).fill(1));
    return this.append("LayerNormalization", [scale, this.constant([width], new Float32Array(width))], { axis: -1 });
  }

  /** Appends any node; `inputs` follow the current tensor. */
  append(
    opType: string,
    inputs: readonly string[] = [],
    attributes: Readonly<Record<string, AttributeValue>> = {},
  ): this {
    const output = `t${this.nodes.length}`;
    this.nodes.push(makeNode(opType, [this.last, ...inputs], [output], attributes));
    this.last = output;
    return this;
  }

  /** FP32 initializer; its name. */
  constant(dims: readonly number[], values: Float32Array): string {
    const name = `w${this.initializers.length}`;
    this.initializers.push(makeTensor(name, ElementType.float, dims, values));
    return name;
  }

  /** INT64 initializer; its name. */
  longs(values: readonly number[]): string {
    const name = `w${this.initializers.length}`;
    this.initializers.push(int64Tensor(name, values));
    return name;
  }

  /** Serialized model: input "x" [N, ...rowShape], output "y" [N, ...outputShape]. Operator set 17 unless told. */
  finish(
    rowShape: readonly (number | string)[],
    outputs: number | readonly (number | string)[],
    opset = 17,
  ): Uint8Array {
    const tail = this.nodes.at(-1);
    if (tail === undefined) throw new Error("a graph needs at least one layer");
    const named = this.last;
    for (const node of this.nodes) {
      node.output = node.output.map((name) => (name === named ? "y" : name));
      node.input = node.input.map((name) => (name === named ? "y" : name));
    }
    const value = (name: string, dims: readonly (number | string)[]): ValueInfo =>
      makeValue(name, ElementType.float, ["N", ...dims]);
    const model = makeModel({
      name: "bench",
      nodes: this.nodes,
      initializers: this.initializers,
      inputs: [value("x", rowShape)],
      outputs: [value("y", typeof outputs === "number" ? [outputs] : outputs)],
      opset,
    });
    return modelBytes(model);
  }

  private weights(dims: number[], fanIn: number): string {
    const count = dims.reduce((a, b) => a * b, 1);
    return this.constant(dims, reproducibleNumbers(this.seed++, count, Math.sqrt(3 / fanIn)));
  }
}
