// SPDX-License-Identifier: Apache-2.0
// Channels cut out of small networks of each kind: onnxruntime-node must get from the cut model what it gets from the whole one
// when nothing makes those channels, and when nothing reads them.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, describe, it } from "node:test";
import { mobileNetV2, squeezeExcite } from "../../bench/models/architectures.js";
import { GraphBuilder, reproducibleNumbers } from "../../bench/models/graph.js";
import { writeModel } from "../../src/optimize/onnx/model-file.js";
import type { Dependencies } from "../../src/optimize/prune/dependencies.js";
import { maskChannels, Removal, removeChannels } from "../../src/optimize/prune/surgery.js";
import { traceChannels } from "../../src/optimize/prune/trace.js";
import { normalizedModel } from "../../src/optimize/run/normalize.js";
import { Workbench } from "../../src/optimize/run/workbench.js";
import { Tensor } from "../../src/runtime/tensor.js";
import { floats, reference } from "../reference.js";
import { draftPath, networks, writeDraft } from "./model-files.js";

const bench = new Workbench();
after(() => bench.close());

async function trace(name: string, bytes: Uint8Array, shape: readonly number[]) {
  const path = writeDraft(`${name}.onnx`, bytes);
  const base = await normalizedModel(bench, path);
  const x = reproducibleNumbers(
    77,
    shape.reduce((a, b) => a * b, 1),
    1.5,
  );
  const { deps } = await traceChannels(bench, base, { x: new Tensor("FP32", x, [...shape]) });
  return { base, deps, feeds: { x: floats(shape, x) } };
}

/** Every other unit of each group, the first of them first. */
function everyOther(deps: Dependencies, groups = deps.groups): Removal {
  const units = groups.flatMap(({ units }) => units.filter((_, i) => units.length > 1 && i % 2 === 0));
  return new Removal(
    deps,
    units.map(({ atoms }) => atoms[0] as number),
  );
}

async function outputs(name: string, model: Parameters<typeof writeModel>[1], feeds: Parameters<typeof reference>[1]) {
  const path = draftPath(`${name}.onnx`);
  writeModel(path, model);
  const [y] = Object.values(await reference(path, feeds));
  return y?.data as Float32Array;
}

function largest(values: ArrayLike<number>): number {
  return Math.max(...Array.from(values, Math.abs));
}

interface Case {
  readonly graph: () => Uint8Array;
  readonly shape: readonly number[];
  /** Units of each group that may go. */
  readonly units: readonly number[];
  /** Zero does not stay zero on the way, so that only reading is comparable. */
  readonly shifts?: true;
}

const image = [3, 8, 8];
const start = (seed: number) => new GraphBuilder(seed).conv(3, 16, 1).relu();
const head = (graph: GraphBuilder, channels: number) => graph.channelMeans().dense(channels, 5).finish(image, 5);
const scalar = (graph: GraphBuilder, value: number) => graph.constant([], Float32Array.of(value));

function residual(): Uint8Array {
  const graph = start(1);
  const skip = graph.at;
  return head(graph.conv(16, 12, 1).relu().conv(12, 16, 1).add(skip).relu(), 16);
}

function concatenated(): Uint8Array {
  const graph = start(2);
  const input = graph.at;
  const left = graph.conv(16, 8, 1).relu().at;
  const right = graph.use(input).conv(16, 12, 1, { kernel: 1 }).relu().at;
  graph.use(left).append("Concat", [right], { axis: 1 });
  return head(graph.conv(20, 10, 1).relu(), 10);
}

function split(): Uint8Array {
  const graph = start(3);
  graph.append("Split", [graph.longs([6, 10])], { axis: 1 });
  const first = graph.at;
  const last = graph.nodes.at(-1);
  last?.output.push("rest");
  const left = graph.use(first).conv(6, 8, 1).relu().at;
  return head(graph.use("rest").conv(10, 8, 1).relu().add(left), 8);
}

function sliced(): Uint8Array {
  const graph = start(4);
  const cut = (from: number, to: number) =>
    graph.append("Slice", [graph.longs([from]), graph.longs([to]), graph.longs([1])]);
  const input = graph.at;
  const left = cut(0, 7).conv(7, 8, 1).relu().at;
  graph.use(input);
  return head(cut(-9, 1000).conv(9, 8, 1).relu().add(left), 8);
}

function flattened(): Uint8Array {
  return start(5)
    .maxPool(2, 2)
    .append("Flatten")
    .dense(16 * 16, 12)
    .relu()
    .dense(12, 5)
    .finish(image, 5);
}

function reshaped(): Uint8Array {
  const graph = start(6).maxPool(2, 2);
  graph.append("Reshape", [graph.longs([-1, 16 * 16])]);
  return graph
    .dense(16 * 16, 12)
    .relu()
    .dense(12, 5)
    .finish(image, 5);
}

/** [N, C, H, W] -> [N, H, W, C] -> a product over the last dim -> back. */
function transposed(): Uint8Array {
  const graph = start(7)
    .append("Transpose", [], { perm: [0, 2, 3, 1] })
    .project(16, 12)
    .relu();
  return head(
    graph
      .append("Transpose", [], { perm: [0, 3, 1, 2] })
      .conv(12, 8, 1)
      .relu(),
    8,
  );
}

function feedForward(): Uint8Array {
  const graph = new GraphBuilder(8);
  graph.project(8, 8).layerNorm(8);
  const input = graph.at;
  return graph.project(8, 32).gelu().project(32, 8).add(input).finish([6, 8], [6, 8]);
}

function attention(): Uint8Array {
  const graph = new GraphBuilder(9);
  const [tokens, width, heads] = [6, 16, 4];
  const divided = graph.longs([0, tokens, heads, width / heads]);
  const headOf = (perm: number[]) =>
    graph.use("x").project(width, width).append("Reshape", [divided]).append("Transpose", [], { perm }).at;
  const [query, key, value] = [headOf([0, 2, 1, 3]), headOf([0, 2, 3, 1]), headOf([0, 2, 1, 3])];
  graph
    .use(query)
    .append("MatMul", [key])
    .append("Div", [scalar(graph, 2)])
    .append("Softmax", [], { axis: -1 });
  graph.append("MatMul", [value]).append("Transpose", [], { perm: [0, 2, 1, 3] });
  return graph
    .append("Reshape", [graph.longs([0, 0, width])])
    .project(width, width)
    .finish([tokens, width], [tokens, width]);
}

/** As ShuffleNet: two grouped convolutions with the channels of both groups mixed between them. */
function shuffled(): Uint8Array {
  const graph = start(10).conv(16, 16, 1, { groups: 2, kernel: 1 }).relu();
  graph.append("Reshape", [graph.longs([0, 2, 8, 8, 8])]).append("Transpose", [], { perm: [0, 2, 1, 3, 4] });
  graph.append("Reshape", [graph.longs([0, 16, 8, 8])]);
  return head(graph.conv(16, 12, 1, { groups: 2 }).relu(), 12);
}

function upscaled(mode: "DCR" | "CRD"): Uint8Array {
  const graph = start(11).append("DepthToSpace", [], { blocksize: 2, mode });
  return head(graph.conv(4, 6, 1).relu(), 6);
}

function convTransposed(): Uint8Array {
  const graph = start(12);
  const weights = graph.constant([16, 10, 2, 2], reproducibleNumbers(5, 16 * 10 * 4, 0.2));
  graph.append("ConvTranspose", [weights, graph.constant([10], reproducibleNumbers(6, 10))], { strides: [2, 2] });
  return head(graph.relu().conv(10, 6, 1).relu(), 6);
}

/** One weight for two layers, one of which must keep its channels. */
function shared(): Uint8Array {
  const graph = new GraphBuilder(13).dense(8, 8).relu();
  const weight = graph.nodes[0]?.input[1] ?? "";
  return graph.append("Gemm", [weight]).finish([8], 8);
}

function normalized(): Uint8Array {
  const graph = start(14).conv(16, 12, 1);
  const vector = (seed: number) => graph.constant([12], reproducibleNumbers(seed, 12));
  graph.append("InstanceNormalization", [vector(1), vector(2)]);
  graph.append("PRelu", [graph.constant([12, 1, 1], reproducibleNumbers(3, 12))]);
  graph.append("Mul", [graph.constant([1, 12, 1, 1], reproducibleNumbers(4, 12))]).append("Sigmoid");
  return head(graph.append("Resize", ["", graph.constant([4], Float32Array.of(1, 1, 2, 2))]), 12);
}

const cases: Readonly<Record<string, Case>> = {
  "a residual sum": { graph: residual, shape: image, units: [16, 12] },
  "a squeeze-and-excitation gate": { graph: () => squeezeExcite(16), shape: [3, 16, 16], units: [16, 8, 32] },
  "a concatenation": { graph: concatenated, shape: image, units: [16, 8, 12, 10] },
  "a depthwise convolution": {
    graph: () => head(start(15).conv(16, 16, 1, { groups: 16 }).relu().conv(16, 8, 1, { kernel: 1 }).relu(), 8),
    shape: image,
    units: [16, 8],
  },
  "a grouped convolution": {
    graph: () => head(start(16).conv(16, 12, 1, { groups: 4 }).relu(), 12),
    shape: image,
    units: [4, 3],
  },
  "a split": { graph: split, shape: image, units: [16, 8] },
  slices: { graph: sliced, shape: image, units: [16, 8] },
  "a flattening": { graph: flattened, shape: image, units: [16, 12] },
  "a reshape to rows": { graph: reshaped, shape: image, units: [16, 12] },
  "transposes around a product": { graph: transposed, shape: image, units: [16, 12, 8] },
  "the hidden layer of a transformer": { graph: feedForward, shape: [6, 8], units: [32] },
  "heads of attention": { graph: attention, shape: [6, 16], units: [4], shifts: true },
  "a channel shuffle": { graph: shuffled, shape: image, units: [8, 4, 6] },
  "depth to space, DCR": { graph: () => upscaled("DCR"), shape: image, units: [4, 6] },
  "depth to space, CRD": { graph: () => upscaled("CRD"), shape: image, units: [4, 6] },
  "a transposed convolution": { graph: convTransposed, shape: image, units: [16, 10, 6] },
  "a weight with two readers": { graph: shared, shape: [8], units: [8] },
  "normalization, slopes, factors and a resize": { graph: normalized, shape: image, units: [16, 12], shifts: true },
};

describe("channels must stay", () => {
  const groups = async (name: string, graph: GraphBuilder, outputs = 5) =>
    (await trace(name, graph.finish(image, outputs), [1, ...image])).deps.groups.map(({ units }) => units.length);

  it("where the model gives them", async () => {
    const bytes = start(20).conv(16, 7, 1).finish(image, [7, 8, 8]);
    const { deps } = await trace("given", bytes, [1, ...image]);
    assert.deepEqual(
      deps.groups.map(({ units }) => units.length),
      [16],
    );
    assert.match([...deps.obstacles.values()].join(), /the model gives it/);
  });

  it("where an operator works over them, or is not known", async () => {
    const softmax = start(21).append("Softmax", [], { axis: 1 });
    assert.deepEqual(await groups("softmax", softmax.channelMeans().dense(16, 5)), []);
    const lrn = start(22).append("LRN", [], { size: 3 });
    assert.deepEqual(await groups("lrn", lrn.channelMeans().dense(16, 5)), []);
    const norm = start(23).channelMeans().layerNorm(16).dense(16, 5);
    assert.deepEqual(await groups("layer-norm", norm), []);
  });

  it("where they are added to what keeps them", async () => {
    const graph = new GraphBuilder(24).conv(3, 3, 1);
    assert.deepEqual(await groups("with-input", graph.add("x").relu().channelMeans().dense(3, 5)), []);
  });

  it("where every other one is taken", async () => {
    const graph = start(25);
    const step = ["0", "16", "1", "2"].map((value) => graph.longs([Number(value)]));
    assert.deepEqual(await groups("strided", graph.append("Slice", step).channelMeans().dense(8, 5)), []);
  });
});

describe("channels can be cut out of", () => {
  for (const [name, { graph, shape, units, shifts }] of Object.entries(cases))
    it(name, async () => {
      const { base, deps, feeds } = await trace(name.replaceAll(" ", "-"), graph(), [2, ...shape]);
      assert.deepEqual(
        deps.groups.map((group) => group.units.length),
        units,
      );
      const removal = everyOther(deps);
      const cut = await outputs(`${name}-cut`, removeChannels(base, deps, removal), feeds);
      const whole = await outputs(`${name}-whole`, base, feeds);
      assert.ok(largest(cut.map((value, i) => value - (whole[i] as number))) > 1e-3, "something is gone");
      for (const role of shifts ? (["readers"] as const) : (["readers", "makers"] as const)) {
        const masked = await outputs(`${name}-${role}`, maskChannels(base, deps, removal, role), feeds);
        const error = largest(masked.map((value, i) => value - (cut[i] as number))) / largest(masked);
        assert.ok(error <= 1e-4, `${role}: ${error}`);
      }
    });
});

describe("known networks lose every other channel", () => {
  const difference = async (name: string, { base, deps, feeds }: Awaited<ReturnType<typeof trace>>) => {
    const removal = everyOther(deps);
    const cut = await outputs(`${name}-cut`, removeChannels(base, deps, removal), feeds);
    const masked = await outputs(`${name}-masked`, maskChannels(base, deps, removal, "readers"), feeds);
    return largest(masked.map((value, i) => value - (cut[i] as number))) / largest(masked);
  };

  it("MobileNetV2", async () => {
    const traced = await trace("mobilenet", mobileNetV2({ side: 32 }), [1, 3, 32, 32]);
    assert.equal(traced.deps.groups.length, 25);
    assert.ok((await difference("mobilenet", traced)) <= 1e-4);
  });

  it("PP-OCRv4 text detection, with an output of one channel", async () => {
    const traced = await trace("detection", readFileSync(networks.detection), [1, 3, 64, 64]);
    const [first] = traced.deps.groups;
    assert.deepEqual([traced.deps.groups.length, first?.name], [36, "p2o.Conv.0"]);
    assert.ok((await difference("detection", traced)) <= 1e-4);
  });
});
