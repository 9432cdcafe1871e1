// SPDX-License-Identifier: Apache-2.0
// Cross-layer equalization: the same function, in weights that INT8 can hold.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { GraphBuilder, reproducibleNumbers } from "../../bench/models/graph.js";
import { modelBytes } from "../../src/optimize/onnx/codec.js";
import { Graph } from "../../src/optimize/onnx/graph.js";
import { readModel } from "../../src/optimize/onnx/model-file.js";
import { makeTensor } from "../../src/optimize/onnx/tensor-data.js";
import { saturates } from "../../src/optimize/quantize/cpu-compat.js";
import { equalizeLayers } from "../../src/optimize/quantize/equalize.js";
import { quantizeModel } from "../../src/optimize/quantize/quantize.js";
import { channelView, eachInChannel } from "../../src/optimize/quantize/weights.js";
import { thisMachine } from "../../src/optimize/run/machine.js";
import { floats, reference } from "../reference.js";
import { draftPath, writeDraft } from "./model-files.js";

/** Convolutions, one of them depthwise, with channel scales spread over three orders: small where the next layer is large. */
async function spreadNetwork(name: string): Promise<string> {
  const chain = new GraphBuilder(21)
    .conv(3, 16, 1)
    .relu()
    .conv(16, 16, 2, { groups: 16 })
    .relu()
    .conv(16, 24, 1)
    .relu();
  const path = writeDraft(
    `${name}.onnx`,
    chain.maxPool(2, 2).conv(24, 8, 1).relu().channelMeans().dense(8, 5).finish([3, 24, 24], 5),
  );
  const model = await readModel(path);
  const graph = new Graph(model);
  const spread = (channels: number, seed: number) =>
    reproducibleNumbers(seed, channels).map((value) => 10 ** (1.5 * value));
  const scale = (weight: string, axis: number, factors: Float32Array, power: 1 | -1) => {
    const tensor = graph.initializer(weight);
    const view = channelView(Float32Array.from(graph.floats(weight) ?? []), tensor?.dims ?? [], axis);
    for (const [channel, factor] of factors.entries())
      eachInChannel(view, channel, (at) => {
        view.values[at] = (view.values[at] as number) * factor ** power;
      });
    const replaced = makeTensor(weight, 1, tensor?.dims ?? [], view.values);
    graph.proto.initializer = graph.proto.initializer.map((one) => (one.name === weight ? replaced : one));
    graph.reindex();
  };
  const convolutions = graph.nodes.filter(({ opType }) => opType === "Conv");
  for (const [i, node] of convolutions.slice(0, 3).entries()) {
    const [, weight = "", bias = ""] = node.input;
    const next = convolutions[i + 1]?.input[1] ?? "";
    const factors = spread(graph.initializer(weight)?.dims[0] ?? 0, i + 1);
    scale(weight, 0, factors, 1);
    scale(bias, 0, factors, 1);
    scale(next, graph.initializer(next)?.dims[1] === 1 ? 0 : 1, factors, -1);
  }
  return writeDraft(`${name}.onnx`, modelBytes(model.proto));
}

const x = floats([4, 3, 24, 24], reproducibleNumbers(3, 4 * 3 * 24 * 24));

function decibels(expected: Float32Array, actual: Float32Array): number {
  const noise = expected.reduce((sum, value, i) => sum + (value - (actual[i] as number)) ** 2, 0);
  return 10 * Math.log10(expected.reduce((sum, value) => sum + value * value, 0) / noise);
}

describe("equalization", () => {
  it("has nothing to do where no layers follow each other directly", async () => {
    const graph = new GraphBuilder(2).conv(3, 8, 1).append("Sigmoid").conv(8, 8, 1);
    const model = await readModel(writeDraft("alone.onnx", graph.finish([3, 8, 8], [8, 8, 8])));
    assert.equal(equalizeLayers(model), undefined);
  });

  it("leaves a layer alone whose result has another reader", async () => {
    const graph = new GraphBuilder(2).conv(3, 8, 1).relu();
    const skip = graph.at;
    graph.conv(8, 8, 1).add(skip);
    const model = await readModel(writeDraft("skip.onnx", graph.finish([3, 8, 8], [8, 8, 8])));
    assert.equal(equalizeLayers(model), undefined);
  });

  it("changes the weights and not the function", async () => {
    const path = await spreadNetwork("spread");
    const model = await readModel(path);
    const before = modelBytes(model.proto);
    const equalized = equalizeLayers(model);
    assert.ok(equalized);
    assert.deepEqual(modelBytes(model.proto), before, "the original is left as it was");
    const output = writeDraft("equalized.onnx", modelBytes(equalized.proto));
    const [a, b] = [(await reference(path, { x })).y?.data, (await reference(output, { x })).y?.data];
    assert.ok(decibels(a as Float32Array, b as Float32Array) >= 110);
  });

  it("is found by the quantizer to rescue such a network", async () => {
    const path = await spreadNetwork("rescued");
    const output = draftPath("rescued-int8.onnx");
    const shapes = { x: [1, 3, 24, 24] };
    const { report } = await quantizeModel({
      model: path,
      output,
      calibration: "random",
      shapes,
      maxDrop: 1,
      minSpeedup: 0,
    });
    const sqnr = (what: string) => report.trials.find((trial) => trial.what === what)?.sqnr ?? Number.NaN;
    assert.ok(report.trials.find(({ what }) => what === "equalized layers")?.kept);
    const least = saturates(thisMachine()) ? 32 : 35; // with 7 bits, and with 8
    assert.ok(sqnr("equalized layers") >= least, JSON.stringify(report.trials));
    assert.ok(sqnr("ranges as seen") < 30, JSON.stringify(report.trials));
  });
});
