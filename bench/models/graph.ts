// SPDX-License-Identifier: Apache-2.0
// Writes small FP32 ONNX graphs with reproducible weights, so that a benchmark needs no download.
import onnxProto from "onnx-proto";

const { onnx } = onnxProto;
type Node = InstanceType<typeof onnx.NodeProto>;
const FLOAT = onnx.TensorProto.DataType.FLOAT;

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

/** Builds a chain of layers: each method appends one node that reads the previous node's output. */
export class GraphBuilder {
  private readonly nodes: Node[] = [];
  private readonly initializers: InstanceType<typeof onnx.TensorProto>[] = [];
  private last = "x";

  private seed: number;

  constructor(seed: number) {
    this.seed = seed;
  }

  /** `y = x W + b`, weights [inputs, outputs]. */
  dense(inputs: number, outputs: number): this {
    const w = this.weights([inputs, outputs], inputs);
    const b = this.weights([outputs], inputs);
    return this.append("Gemm", [w, b]);
  }

  /** 3 x 3 convolution with padding 1. */
  conv(inputs: number, outputs: number, stride: number): this {
    const w = this.weights([outputs, inputs, 3, 3], inputs * 9);
    const b = this.weights([outputs], inputs * 9);
    return this.append("Conv", [w, b], { kernel_shape: [3, 3], strides: [stride, stride], pads: [1, 1, 1, 1] });
  }

  relu(): this {
    return this.append("Relu", []);
  }

  /** Mean over each channel's pixels: [N, C, H, W] -> [N, C]. */
  channelMeans(): this {
    return this.append("GlobalAveragePool", []).append("Flatten", []);
  }

  /** Serialized model: input "x" [N, ...rowShape], output "y" [N, outputs]. */
  finish(rowShape: readonly number[], outputs: number): Uint8Array {
    const tail = this.nodes.at(-1);
    if (tail === undefined) throw new Error("a graph needs at least one layer");
    tail.output = ["y"];
    const graph = onnx.GraphProto.create({
      name: "bench",
      node: this.nodes,
      initializer: this.initializers,
      input: [valueInfo("x", rowShape)],
      output: [valueInfo("y", [outputs])],
    });
    const model = onnx.ModelProto.create({ irVersion: 8, opsetImport: [{ domain: "", version: 15 }], graph });
    return onnx.ModelProto.encode(model).finish();
  }

  private append(opType: string, parameters: string[], ints: Record<string, number[]> = {}): this {
    const output = `t${this.nodes.length}`;
    const attribute = Object.entries(ints).map(([name, values]) => ({
      name,
      type: onnx.AttributeProto.AttributeType.INTS,
      ints: values,
    }));
    this.nodes.push(onnx.NodeProto.create({ opType, input: [this.last, ...parameters], output: [output], attribute }));
    this.last = output;
    return this;
  }

  private weights(dims: number[], fanIn: number): string {
    const name = `w${this.initializers.length}`;
    const values = reproducibleNumbers(
      this.seed++,
      dims.reduce((a, b) => a * b, 1),
      Math.sqrt(3 / fanIn),
    );
    this.initializers.push(
      onnx.TensorProto.create({ name, dims, dataType: FLOAT, rawData: new Uint8Array(values.buffer) }),
    );
    return name;
  }
}

function valueInfo(name: string, rowShape: readonly number[]) {
  const dim = [{ dimParam: "N" }, ...rowShape.map((dimValue) => ({ dimValue }))];
  return { name, type: { tensorType: { elemType: FLOAT, shape: { dim } } } };
}
