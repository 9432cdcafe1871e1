// SPDX-License-Identifier: Apache-2.0
// What is known to go wrong when networks are quantized, beyond the placement of pairs: each is built on purpose, and told, or made
// harmless. Residual sums, zero points, wide Clips and missing pairs are in the tests of the placement; rounding in those of the
// arithmetic; channel counts in those of pruning; values that get lost in those of calibration.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { squeezeExcite } from "../../bench/models/architectures.js";
import { GraphBuilder, reproducibleNumbers } from "../../bench/models/graph.js";
import { modelBytes } from "../../src/optimize/onnx/codec.js";
import { Graph } from "../../src/optimize/onnx/graph.js";
import { ElementType, type GraphProto, type NodeProto } from "../../src/optimize/onnx/messages.js";
import { readModel } from "../../src/optimize/onnx/model-file.js";
import { makeNode, makeValue } from "../../src/optimize/onnx/node.js";
import { makeTensor } from "../../src/optimize/onnx/tensor-data.js";
import { pruneModel } from "../../src/optimize/prune/prune.js";
import { int8 } from "../../src/optimize/quantize/arithmetic.js";
import { type FusionProof, proveFusion } from "../../src/optimize/quantize/fusion-proof.js";
import { type QuantizeOptions, quantizeModel } from "../../src/optimize/quantize/quantize.js";
import { profiles } from "../../src/optimize/quantize/target.js";
import { Workbench } from "../../src/optimize/run/workbench.js";
import { floats, reference, tensor } from "../reference.js";
import { draftPath, networks, writeDraft, writeParts } from "./model-files.js";
import { proof, withModel, withPairs } from "./proof.js";

/** A pair with scale 1/32 and this zero point, UINT8 or INT8. */
function pair(graph: GraphBuilder, name: string, zero: Uint8Array | Int8Array = Uint8Array.of(128)): GraphBuilder {
  const scale = graph.constant([], Float32Array.of(1 / 32));
  const type = zero instanceof Uint8Array ? ElementType.uint8 : ElementType.int8;
  graph.initializers.push(makeTensor(name, type, [], zero));
  return graph.append("QuantizeLinear", [scale, name]).append("DequantizeLinear", [scale, name]);
}

/** x in pairs -> Conv with INT8 weights, without a bias. */
function integerConv(): GraphBuilder {
  const graph = pair(new GraphBuilder(3), "zero_in");
  const input = graph.at;
  graph.initializers.push(
    makeTensor(
      "w_int8",
      ElementType.int8,
      [4, 3, 1, 1],
      Int8Array.from({ length: 12 }, (_, i) => i - 6),
    ),
  );
  const weight = graph.use("w_int8").append("DequantizeLinear", [graph.constant([], Float32Array.of(0.1))]).at;
  return graph.use(input).append("Conv", [weight], { kernel_shape: [1, 1] });
}

/** As it is: nothing is folded first. */
async function rawProof(bytes: Uint8Array): Promise<FusionProof> {
  const bench = new Workbench();
  try {
    return await proveFusion(bench, await readModel(writeDraft("raw.onnx", bytes)), []);
  } finally {
    bench.close();
  }
}

const quantized = async (name: string, model: string, options: Partial<QuantizeOptions> = {}) => {
  const output = draftPath(`${name}-int8.onnx`);
  const { report } = await quantizeModel({
    model,
    output,
    calibration: "random",
    minSpeedup: 0,
    maxDrop: 1,
    ...options,
  });
  return { report, output };
};

/** x -> Conv, Relu -> either twice that or that, by `flag`, both from outside of the If -> Conv -> y */
function branching(): string {
  const graph = new GraphBuilder(8).conv(3, 8, 1).relu();
  const outer = graph.at;
  const body = (name: string, node: NodeProto): GraphProto => ({
    name,
    node: [node],
    initializer: [],
    input: [],
    output: [makeValue(name, ElementType.float, ["N", 8, 8, 8])],
    valueInfo: [],
    metadataProps: [],
  });
  const two = graph.constant([], Float32Array.of(2));
  graph.nodes.push(
    makeNode("If", ["flag"], ["chosen"], {
      then_branch: body("doubled", makeNode("Mul", [outer, two], ["doubled"])),
      else_branch: body("same", makeNode("Identity", [outer], ["same"])),
    }),
  );
  graph.use("chosen").conv(8, 4, 1);
  return writeParts("branching", {
    nodes: graph.nodes,
    initializers: graph.initializers,
    inputs: [makeValue("flag", ElementType.bool, []), makeValue("x", ElementType.float, ["N", 3, 8, 8])],
    outputs: [makeValue(graph.at, ElementType.float, ["N", 4, 8, 8])],
  });
}

describe("the proof tells of", () => {
  it("a normalization that was left between a convolution and its rounding", async () => {
    const graph = integerConv().batchNorm(4).relu();
    const { missed } = await rawProof(pair(graph, "zero_out", Uint8Array.of(0)).finish([3, 8, 8], [4, 8, 8]));
    assert.equal(missed.length, 1);
    assert.match(missed[0]?.reason ?? "", /its result is not quantized, BatchNormalization follows/);
  });

  it("a product of fixed shape with a sum behind it and no rounding between", async () => {
    const graph = pair(new GraphBuilder(6), "zero_in");
    const input = graph.at;
    graph.initializers.push(makeTensor("w_int8", ElementType.int8, [16, 4], new Int8Array(64).fill(3)));
    const weight = graph.use("w_int8").append("DequantizeLinear", [graph.constant([], Float32Array.of(0.1))]).at;
    const bias = graph.constant([4], new Float32Array(4));
    graph.use(input).append("MatMul", [weight]).append("Add", [bias]);
    const { missed, operators } = await rawProof(graph.finish([16], 4));
    assert.equal(operators.Gemm, 1);
    assert.deepEqual(
      missed.map(({ reason }) => reason),
      ["its result is not quantized, Add follows"],
    );
  });

  it("an INT8 input of the graph", async () => {
    const graph = new GraphBuilder(4).conv(3, 8, 1).relu().conv(8, 8, 1).relu().channelMeans().dense(8, 4);
    await withModel(graph.finish([3, 16, 16], 4), async (bench, model) => {
      const { draft, placement } = await withPairs(bench, model, { ...profiles.cpu, activations: int8 });
      const opened = new Graph(draft);
      const first = opened.consumers("x").find(({ opType }) => opType === "QuantizeLinear");
      assert.ok(first);
      opened.removeNodes(new Set([first]));
      opened.redirect(first.output[0] ?? "", "x");
      draft.proto.graph?.input.splice(0, 1, makeValue("x", ElementType.int8, ["N", 3, 16, 16]));
      const { missed } = await proveFusion(bench, draft, placement.float);
      assert.ok(missed.length > 0);
    });
  });
});

describe("quantized all the same", () => {
  it("are the layers between islands of hard-swish and hard-sigmoid, which stay FP32", async () => {
    const { operators, missed } = await proof(squeezeExcite());
    assert.deepEqual(missed, []);
    assert.deepEqual([operators.HardSigmoid, operators.QLinearConv], [1, 4]);
  });

  it("is a text classifier of operator set 9 with normalizations", async () => {
    const shapes = { x: [1, 3, 48, 192] };
    const { report, output } = await quantized("orientation", networks.orientation, { shapes });
    assert.deepEqual([report.layers.quantized, report.fusion?.float], [54, []]);
    assert.ok(report.quality.sqnr > 20, `${report.quality.sqnr} dB`);
    const { proto } = await readModel(output);
    assert.ok((proto.opsetImport.find(({ domain = "" }) => domain === "")?.version ?? 0) >= 13);
    assert.ok(!proto.graph?.node.some(({ opType }) => opType === "BatchNormalization"));
  });

  it("is what follows an embedding, whose table is not converted in each run", async () => {
    const graph = new GraphBuilder(5);
    const table = graph.constant([50, 16], reproducibleNumbers(6, 800));
    graph.nodes.push(makeNode("Gather", [table, "ids"], ["rows"], { axis: 0 }));
    graph.use("rows").project(16, 8).relu().project(8, 4);
    const model = writeParts("embedding", {
      nodes: graph.nodes,
      initializers: graph.initializers,
      inputs: [makeValue("ids", ElementType.int64, ["N", 6])],
      outputs: [makeValue(graph.at, ElementType.float, ["N", 6, 4])],
    });
    const { report, output } = await quantized("embedding", model, { mode: "static" });
    assert.deepEqual([report.layers.quantized, report.fusion?.missed], [2, []]);
    const opened = new Graph(await readModel(output));
    const gather = opened.nodes.find(({ opType }) => opType === "Gather");
    assert.equal(opened.producer(gather?.input[0]), undefined, "the table is a weight as it was");
    assert.equal(opened.initializer(gather?.input[0])?.dataType, ElementType.float);
  });

  for (const target of ["cpu", "tensorrt", "cuda"] as const)
    it(`are tensors that the branches of an If read, for ${target}`, async () => {
      const model = branching();
      const options: Partial<QuantizeOptions> = target === "cpu" ? { mode: "static" } : { target };
      const { report, output } = await quantized(`branching-${target}`, model, options);
      assert.equal(report.layers.quantized, 2);
      const data = reproducibleNumbers(9, 192);
      for (const flag of [true, false]) {
        const feeds = { flag: tensor("bool", [], [flag]), x: floats([1, 3, 8, 8], data) };
        const [before, after] = [await reference(model, feeds), await reference(output, feeds)].map(
          (outputs) => Object.values(outputs)[0]?.data as Float32Array,
        );
        const decibels = signalToNoise(before as Float32Array, after as Float32Array);
        assert.ok(decibels > 25, `${decibels} dB`);
      }
    });
});

describe("the gate of a squeeze-and-excitation block", () => {
  it("stays FP32 where it is found to be what loses most", async () => {
    const model = await readModel(writeDraft("gate.onnx", squeezeExcite()));
    const graph = new Graph(model);
    const gates = graph.nodes.filter(
      ({ opType, input }) => opType === "Conv" && graph.initializer(input[1])?.dims[2] === 1,
    );
    const [squeeze, excite] = gates.map(({ input }) => input[1] ?? "");
    const change = (weight: string, value: (old: number, at: number) => number) => {
      const changed = makeTensor(
        weight,
        ElementType.float,
        graph.initializer(weight)?.dims ?? [],
        graph.floats(weight)?.map(value) ?? new Float32Array(),
      );
      graph.proto.initializer = graph.proto.initializer.map((one) => (one.name === weight ? changed : one));
      graph.reindex();
    };
    // A channel that nothing reads, a thousand times as large as the others, takes the range from them.
    change(squeeze ?? "", (old, at) => (at < 16 ? 1000 * Math.abs(old) : old));
    change(excite ?? "", (old, at) => (at % 8 === 0 ? 0 : old));
    const path = writeDraft("gate.onnx", modelBytes(model.proto));
    const { report } = await quantized("gate", path, { minSqnr: 36 });
    assert.deepEqual(
      report.excluded,
      gates.map(({ name }) => name),
    );
    assert.deepEqual(report.fusion?.missed, []);
  });
});

/** In dB. */
function signalToNoise(wanted: Float32Array, got: Float32Array): number {
  const power = (values: Float32Array) => values.reduce((sum, value) => sum + value * value, 0);
  return 10 * Math.log10(power(wanted) / power(wanted.map((value, i) => value - (got[i] as number))));
}

describe("a network inside an If", () => {
  const shapes = { input: [1, 288] };
  const model = networks.voice;
  const calibration = "random";

  for (const options of [
    { target: "cpu", mode: "static" },
    { target: "cpu", mode: "dynamic" },
    { target: "cpu", mode: "auto" },
    { target: "tensorrt" },
    { target: "cuda" },
  ] as const)
    it(`has nothing to change for ${Object.values(options).join(", ")}, and stays as it is`, async () => {
      const before = readFileSync(model);
      const output = draftPath("voice.onnx");
      const told = { code: "ERR_UNSUPPORTED", message: /the model has no (layer|node) that can be/ };
      await assert.rejects(quantizeModel({ model, output, calibration, shapes, ...options }), told);
      assert.equal(existsSync(output), false);
      assert.ok(before.equals(readFileSync(model)));
    });

  it("has no channels that could go", async () => {
    const output = draftPath("voice-small.onnx");
    const told = { code: "ERR_UNSUPPORTED", message: /no channels that could go/ };
    await assert.rejects(pruneModel({ model, output, calibration, shapes }), told);
    assert.equal(existsSync(output), false);
  });
});
