// SPDX-License-Identifier: Apache-2.0
// Known architectures in their real shapes with random weights: for speed, size and structure, not for accuracy.
import { GraphBuilder, reproducibleNumbers } from "./graph.js";

export interface ArchitectureOptions {
  /** Side of the square image. Default: 224. */
  side?: number;
  /** Write BatchNormalization nodes instead of biases, as training frameworks export them. */
  batchNorm?: boolean;
}

/** ResNet-50 v1.5: 53 convolutions, 25.5 M parameters, 4.1 G multiply-accumulates at 224 x 224. */
export function resnet50({ side = 224, batchNorm = false }: ArchitectureOptions = {}): Uint8Array {
  const graph = new GraphBuilder(50).conv(3, 64, 2, { kernel: 7, batchNorm }).relu().maxPool(3, 2);
  let channels = 64;
  for (const [stage, blocks] of [3, 4, 6, 3].entries()) {
    const width = 64 * 2 ** stage;
    for (let block = 0; block < blocks; block++) {
      const stride = stage > 0 && block === 0 ? 2 : 1;
      bottleneck(graph, channels, width, stride, batchNorm);
      channels = 4 * width;
    }
  }
  return graph.channelMeans().dense(2048, 1000).finish([3, side, side], 1000);
}

function bottleneck(graph: GraphBuilder, channels: number, width: number, stride: number, batchNorm: boolean): void {
  const input = graph.at;
  graph.conv(channels, width, 1, { kernel: 1, batchNorm }).relu();
  graph.conv(width, width, stride, { batchNorm }).relu();
  // A small gain keeps the sum over 16 blocks from growing.
  const branch = graph.conv(width, 4 * width, 1, { kernel: 1, batchNorm, gain: 0.4 }).at;
  const changes = stride > 1 || channels !== 4 * width;
  if (changes) graph.use(input).conv(channels, 4 * width, stride, { kernel: 1, batchNorm, gain: 0.7 });
  else graph.use(input);
  const skip = graph.at;
  graph.use(branch).add(skip).relu();
}

/** MobileNetV2: 52 convolutions, of them 17 depthwise, 3.5 M parameters, 0.3 G multiply-accumulates at 224 x 224. */
export function mobileNetV2({ side = 224, batchNorm = false }: ArchitectureOptions = {}): Uint8Array {
  const graph = new GraphBuilder(2).conv(3, 32, 2, { batchNorm }).relu6();
  let channels = 32;
  const stages = [
    [1, 16, 1, 1],
    [6, 24, 2, 2],
    [6, 32, 3, 2],
    [6, 64, 4, 2],
    [6, 96, 3, 1],
    [6, 160, 3, 2],
    [6, 320, 1, 1],
  ];
  for (const [expand = 1, outputs = 16, blocks = 1, first = 1] of stages) {
    for (let block = 0; block < blocks; block++) {
      const [input, hidden, stride] = [graph.at, channels * expand, block === 0 ? first : 1];
      if (expand > 1) graph.conv(channels, hidden, 1, { kernel: 1, batchNorm }).relu6();
      graph.conv(hidden, hidden, stride, { groups: hidden, batchNorm }).relu6();
      graph.conv(hidden, outputs, 1, { kernel: 1, batchNorm, gain: 0.6 });
      if (stride === 1 && channels === outputs) graph.add(input);
      channels = outputs;
    }
  }
  graph.conv(320, 1280, 1, { kernel: 1, batchNorm }).relu6();
  return graph.channelMeans().dense(1280, 1000).finish([3, side, side], 1000);
}

/** Encoder layers of BERT-base: input [N, tokens, 768]. `tokens` may be a name: the length then varies. */
export function bertLayers(layers = 2, tokens: number | string = "tokens"): Uint8Array {
  const [width, heads] = [768, 12];
  const graph = new GraphBuilder(7);
  for (let i = 0; i < layers; i++) {
    const input = graph.at;
    attention(graph, width, heads);
    graph.add(input).layerNorm(width);
    const middle = graph.at;
    graph
      .project(width, 4 * width)
      .gelu()
      .project(4 * width, width)
      .add(middle)
      .layerNorm(width);
  }
  return graph.finish([tokens, width], [tokens, width]);
}

function attention(graph: GraphBuilder, width: number, heads: number): void {
  const input = graph.at;
  const split = graph.longs([0, 0, heads, width / heads]);
  const head = (perm: number[]) =>
    graph.use(input).project(width, width).append("Reshape", [split]).append("Transpose", [], { perm }).at;
  const [query, key, value] = [head([0, 2, 1, 3]), head([0, 2, 3, 1]), head([0, 2, 1, 3])];
  graph.use(query).append("MatMul", [key]);
  graph
    .append("Div", [graph.constant([], Float32Array.of(Math.sqrt(width / heads)))])
    .append("Softmax", [], { axis: -1 });
  graph.append("MatMul", [value]).append("Transpose", [], { perm: [0, 2, 1, 3] });
  graph.append("Reshape", [graph.longs([0, 0, width])]).project(width, width);
}

/** One squeeze-and-excitation block with hard-swish between two convolutions, as in MobileNetV3 and PP-OCR. */
export function squeezeExcite(side = 32): Uint8Array {
  const graph = new GraphBuilder(3).conv(3, 16, 2);
  hardSwish(graph);
  const features = graph.at;
  graph
    .append("GlobalAveragePool")
    .conv(16, 8, 1, { kernel: 1 })
    .relu()
    .conv(8, 16, 1, { kernel: 1 })
    .append("HardSigmoid");
  graph.append("Mul", [features]).conv(16, 32, 1).relu();
  return graph.channelMeans().dense(32, 10).finish([3, side, side], 10);
}

function hardSwish(graph: GraphBuilder): void {
  const x = graph.at;
  graph
    .append("Add", [graph.constant([], Float32Array.of(3))])
    .relu6()
    .append("Mul", [x]);
  graph.append("Div", [graph.constant([], Float32Array.of(6))]);
}

/** Rows of plausible inputs for the image architectures: smooth random images, normalized as ImageNet's are. */
export function imageRows(count: number, side = 224, seed = 1): Float32Array {
  const rows = reproducibleNumbers(seed, count * 3 * side * side, 1);
  for (let i = 0; i < rows.length; i++) {
    const phase = (i % (side * side)) / side;
    rows[i] = 1.2 * (rows[i] as number) + Math.sin(phase * 0.3 + Math.floor(i / (side * side)));
  }
  return rows;
}
