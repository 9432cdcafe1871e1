// SPDX-License-Identifier: Apache-2.0
// Biases that take back the shift of rounding: what is corrected, what is left alone, and when the quantizer keeps it.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { GraphBuilder, reproducibleNumbers } from "../../bench/models/graph.js";
import { Graph } from "../../src/optimize/onnx/graph.js";
import { type OnnxModel, readModel } from "../../src/optimize/onnx/model-file.js";
import { makeTensor } from "../../src/optimize/onnx/tensor-data.js";
import { correctBiases, withBiases } from "../../src/optimize/quantize/bias-correction.js";
import { findLayers } from "../../src/optimize/quantize/layers.js";
import { quantizeModel } from "../../src/optimize/quantize/quantize.js";
import { copyGraph } from "../../src/optimize/quantize/write-pairs.js";
import { Workbench } from "../../src/optimize/run/workbench.js";
import { Tensor } from "../../src/runtime/tensor.js";
import { draftPath, writeDraft } from "./model-files.js";

const shape = [1, 3, 16, 16];
const inputs = async (i: number) => ({ x: new Tensor("FP32", reproducibleNumbers(i + 1, 768), shape) });
const samples = { count: 4, inputs, label: () => undefined };

/** Stands for quantization: every bias is off by what only this function knows. */
function shifted(model: OnnxModel, by: number): OnnxModel {
  const draft = copyGraph(model);
  const graph = new Graph(draft);
  for (const { bias = "" } of findLayers(graph).layers) {
    const values = Float32Array.from(graph.floats(bias) ?? [], (value) => value + by);
    const moved = makeTensor(bias, 1, [values.length], values);
    graph.proto.initializer = graph.proto.initializer.map((tensor) => (tensor.name === bias ? moved : tensor));
  }
  return draft;
}

async function corrections(bench: Workbench, base: OnnxModel) {
  const { layers } = findLayers(new Graph(base));
  const quantize = (model: OnnxModel) => shifted(model, 0.25);
  const found = await correctBiases({ bench, base, layers, quantize, samples, onLayer: () => {} });
  return { layers, found };
}

describe("bias correction", () => {
  it("finds each layer's own shift, and not once more what its inputs have passed on", async () => {
    const bench = new Workbench();
    try {
      const bytes = new GraphBuilder(3)
        .conv(3, 8, 1)
        .relu()
        .conv(8, 8, 3)
        .relu()
        .conv(8, 4, 1)
        .finish([3, 16, 16], [4, 16, 16]);
      const base = await readModel(writeDraft("shift.onnx", bytes));
      const { layers, found } = await corrections(bench, base);
      assert.deepEqual(
        [...found.keys()],
        layers.map(({ name }) => name),
      );
      const graph = new Graph(base);
      for (const { name, bias = "" } of layers) {
        const before = graph.floats(bias) ?? [];
        for (const [i, value] of (found.get(name)?.values ?? []).entries())
          assert.ok(Math.abs(value - ((before[i] as number) - 0.25)) < 1e-4, `${name}: ${value} for ${before[i]}`);
      }
      const spared = layers[1]?.name ?? "";
      const mixed = new Graph(withBiases(base, found, new Set([spared])));
      for (const { name, bias = "" } of layers)
        assert.deepEqual(mixed.floats(bias), name === spared ? graph.floats(bias) : found.get(name)?.values);
    } finally {
      bench.close();
    }
  });

  it("leaves alone what has too few values for a mean", async () => {
    const bench = new Workbench();
    try {
      const builder = new GraphBuilder(4).conv(3, 8, 1).relu().maxPool(4, 4).maxPool(4, 4).conv(8, 4, 1);
      const base = await readModel(writeDraft("few.onnx", builder.finish([3, 16, 16], [4, 1, 1])));
      const { layers, found } = await corrections(bench, base);
      assert.deepEqual([...found.keys()], [layers[0]?.name]);
    } finally {
      bench.close();
    }
  });

  it("is not kept by the quantizer when it does not reach the goals", async () => {
    const { report, missed } = await quantizeModel({
      model: draftPath("shift.onnx"),
      output: draftPath("shift-int8.onnx"),
      calibration: "random",
      minSqnr: 150,
      maxDrop: 1,
      minSpeedup: 0,
    });
    assert.equal(missed.length, 1);
    const trial = report.trials.find(({ what }) => what === "corrected biases");
    assert.equal(trial?.kept, false);
  });
});
