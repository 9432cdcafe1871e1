// SPDX-License-Identifier: Apache-2.0
// Pairs are where ONNX Runtime makes integer kernels of them: proven on the graph that it runs. The traps that make it fall back
// to floats are each built on purpose, to see that the proof tells.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { bertLayers, mobileNetV2, resnet50, squeezeExcite } from "../../bench/models/architectures.js";
import { GraphBuilder } from "../../bench/models/graph.js";
import { int8, symmetricParams, uint8 } from "../../src/optimize/quantize/arithmetic.js";
import { quantizeDynamically } from "../../src/optimize/quantize/dynamic.js";
import { proveFusion } from "../../src/optimize/quantize/fusion-proof.js";
import { profiles } from "../../src/optimize/quantize/target.js";
import { proof, withModel } from "./proof.js";

const residual = () => {
  const graph = new GraphBuilder(12).conv(3, 16, 2).relu();
  const skip = graph.at;
  graph.conv(16, 16, 1).relu().conv(16, 16, 1).add(skip).relu();
  return graph.channelMeans().dense(16, 10).finish([3, 32, 32], 10);
};
const clipped = () =>
  new GraphBuilder(5).conv(3, 16, 2).relu6().conv(16, 16, 1).relu6().channelMeans().finish([3, 32, 32], 16);

describe("the proof tells of traps", () => {
  it("INT8 activations around a residual sum", async () => {
    const { missed, float } = await proof(residual(), { ...profiles.cpu, activations: int8 });
    assert.ok(missed.length > 0, JSON.stringify(float));
  });

  it("a zero point in the middle before a Relu", async () => {
    const { missed } = await proof(residual(), { ...profiles.cpu, symmetric: true });
    assert.ok(
      missed.some(({ reason }) => /the Relu between it and the quantization/.test(reason)),
      JSON.stringify(missed),
    );
  });

  it("a range wider than the Clip before it", async () => {
    const { missed } = await proof(clipped(), profiles.cpu, 8);
    assert.ok(
      missed.some(({ reason }) => /the Clip between it .* \[0(\.00)?, /.test(reason)),
      JSON.stringify(missed),
    );
  });

  it("results without a pair", async () => {
    const { missed } = await proof(residual(), profiles.tensorrt);
    assert.ok(
      missed.some(({ reason }) => /its result is not quantized|several readers/.test(reason)),
      JSON.stringify(missed),
    );
  });

  it("the middle of UINT8 is not the edge", () => {
    assert.notEqual(symmetricParams(0, 6, uint8).zeroPoint, 0);
  });
});

describe("every layer gets an integer kernel", () => {
  for (const [name, bytes, layers] of [
    ["ResNet-50", resnet50({ side: 64 }), 54],
    ["ResNet-50 with normalizations left in", resnet50({ side: 64, batchNorm: true }), 54],
    ["MobileNetV2", mobileNetV2({ side: 64 }), 53],
    ["a residual block", residual(), 4],
    ["clipped convolutions", clipped(), 2],
    ["squeeze and excitation", squeezeExcite(), 5],
  ] as const)
    it(name, async () => {
      const { integer, float, missed } = await proof(bytes);
      assert.deepEqual([integer, float, missed], [layers, [], []]);
    });

  it("with one conversion at the input of ResNet-50 and MobileNetV2, and none inside", async () => {
    for (const bytes of [resnet50({ side: 64 }), mobileNetV2({ side: 64 })]) {
      const { operators } = await proof(bytes);
      assert.equal(operators.QuantizeLinear, 1);
      assert.equal(operators.DequantizeLinear ?? 0, 0);
    }
  });

  it("also where the first layer's input is turned around", async () => {
    const turned = new GraphBuilder(4)
      .append("Transpose", [], { perm: [0, 3, 1, 2] })
      .conv(3, 8, 1)
      .relu()
      .maxPool(3, 2);
    const { operators, missed } = await proof(turned.channelMeans().dense(8, 4).finish([16, 16, 3], 4));
    assert.deepEqual(missed, []);
    assert.equal(operators.QuantizeLinear, 1);
  });

  it("through SiLU, concatenation and pooling", async () => {
    const graph = new GraphBuilder(6).conv(3, 8, 1);
    const x = graph.at;
    graph.append("Sigmoid").append("Mul", [x]);
    const left = graph.conv(8, 8, 1).relu().at;
    graph.use(x).conv(8, 8, 1).append("Concat", [left], { axis: 1 });
    graph
      .append("AveragePool", [], { kernel_shape: [2, 2], strides: [2, 2] })
      .conv(16, 4, 1)
      .relu();
    const { operators, missed } = await proof(graph.channelMeans().dense(4, 3).finish([3, 16, 16], 3));
    assert.deepEqual(missed, []);
    for (const op of ["QLinearSigmoid", "QLinearMul", "QLinearConcat", "QLinearAveragePool"])
      assert.equal(operators[op], 1, op);
  });

  for (const tokens of ["tokens", 32] as const)
    it(`of a transformer, statically, its length ${tokens === 32 ? "fixed" : "open"}`, async () => {
      const { integer, float, missed } = await proof(bertLayers(1, tokens));
      assert.deepEqual([integer, missed], [6, []]);
      assert.ok(float.every(({ reason }) => reason === "both sides are activations"));
    });
});

describe("dynamic quantization", () => {
  it("becomes one kernel per product, with activations quantized once for three", async () => {
    await withModel(bertLayers(1), async (bench, model) => {
      const made = quantizeDynamically(model, new Set());
      const { operators, missed } = await proveFusion(bench, made.model, made.float);
      // Where three products share what one node quantized, that node stays, and each product is a kernel that reads it.
      assert.deepEqual([operators.DynamicQuantizeMatMul, operators.MatMulIntegerToFloat], [3, 3]);
      assert.deepEqual([made.layers.length, missed], [6, []]);
      const quantizers = made.model.proto.graph?.node.filter(({ opType }) => opType === "DynamicQuantizeLinear").length;
      assert.equal(quantizers, 4);
    });
  });

  it("looks embeddings up in INT8, so that the table is never converted", async () => {
    const graph = new GraphBuilder(3).append("Cast", [], { to: 7 });
    const table = graph.constant([512, 64], new GraphBuilder(9).dense(512, 64).initializers[0]?.rawData as never);
    const indices = graph.at;
    graph.nodes.push(
      ...new GraphBuilder(1)
        .use(table)
        .append("Gather", [indices], { axis: 0 })
        .nodes.map((node) => ({ ...node, name: "rows", output: ["rows"] })),
    );
    graph.use("rows").project(64, 16);
    const bytes = graph.finish([8], [8, 16]);
    await withModel(bytes, async (bench, model) => {
      const made = quantizeDynamically(model, new Set());
      assert.equal(made.tables.length, 1);
      const optimized = await bench.optimized(made.model);
      const nodes = optimized.proto.graph?.node ?? [];
      const gather = nodes.find(({ opType }) => opType === "Gather");
      const reader = nodes.find(({ input }) => input.includes(gather?.output[0] ?? "?"));
      assert.equal(reader?.opType, "DequantizeLinear");
    });
  });

  it("leaves convolutions alone", async () => {
    await withModel(residual(), async (_bench, model) => {
      const made = quantizeDynamically(model, new Set());
      assert.equal(made.layers.length, 1);
      assert.equal(made.float.filter(({ reason }) => /convolutions slower/.test(reason)).length, 3);
    });
  });
});
