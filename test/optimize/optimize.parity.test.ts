// SPDX-License-Identifier: Apache-2.0
// Whole models beside onnxruntime.quantization (golden/make.py): the same ranges on the same samples, the same weights.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { reproducibleNumbers } from "../../bench/models/graph.js";
import { Graph } from "../../src/optimize/onnx/graph.js";
import { calibrate } from "../../src/optimize/quantize/calibrate.js";
import { findLayers } from "../../src/optimize/quantize/layers.js";
import { placePairs } from "../../src/optimize/quantize/placement.js";
import { paramsOf } from "../../src/optimize/quantize/range.js";
import { profiles } from "../../src/optimize/quantize/target.js";
import { channelView, quantizeWeight } from "../../src/optimize/quantize/weights.js";
import { normalizedModel } from "../../src/optimize/run/normalize.js";
import { Workbench } from "../../src/optimize/run/workbench.js";
import { Tensor } from "../../src/runtime/tensor.js";
import { goldenModels } from "./golden/models.js";
import { writeDraft } from "./model-files.js";

interface Golden {
  input: string;
  shape: number[];
  activations: Record<string, { scale: number; zeroPoint: number }>;
  weights: Record<string, { scales: number[]; values: number[] }>;
}
const golden = JSON.parse(readFileSync(new URL("golden/parity.json", import.meta.url), "utf8"));

describe("parity with onnxruntime.quantization", () => {
  it("covers the models that make.py is given", () => {
    assert.deepEqual(Object.keys(golden.models).sort(), Object.keys(goldenModels).sort());
  });

  for (const [name, build] of Object.entries(goldenModels))
    it(`on ${name}`, async () => {
      const expected = golden.models[name] as Golden;
      const bench = new Workbench();
      try {
        const model = await normalizedModel(bench, writeDraft(`${name}.onnx`, build()));
        const graph = new Graph(model);
        const size = expected.shape.reduce((a, b) => a * b, 1);
        const inputs = async (i: number) => ({
          [expected.input]: new Tensor("FP32", reproducibleNumbers(100 + i, size), expected.shape),
        });
        const samples = { count: golden.samples as number, inputs, label: () => undefined };
        const { tensors } = placePairs(graph, profiles.cpu, new Set());
        const found = await calibrate(bench, model, [...tensors.keys()], samples);
        let compared = 0;
        for (const [tensor, histogram] of found) {
          const theirs = expected.activations[tensor];
          if (theirs === undefined) continue;
          // A copy has the range of its source there, and here.
          const root = found.get(tensors.get(tensor) ?? "") ?? histogram;
          const ours = paramsOf(root, { type: profiles.cpu.activations, symmetric: false, method: "minmax" });
          // Their calibration runs the graph as written, ours as ONNX Runtime fuses it: sums are added in another order.
          assert.ok(Math.abs(ours.scale / theirs.scale - 1) < 1e-5, `${tensor}: ${ours.scale} against ${theirs.scale}`);
          assert.equal(ours.zeroPoint, theirs.zeroPoint, tensor);
          compared++;
        }
        assert.ok(compared >= 2, `${compared} tensors compared`);
        for (const layer of findLayers(graph).layers) {
          const dims = graph.initializer(layer.weight)?.dims ?? [];
          const view = channelView(graph.floats(layer.weight) as Float32Array, dims, layer.axis);
          const theirs = expected.weights[layer.weight];
          const ours = quantizeWeight(view);
          assert.deepEqual([...ours.values], theirs?.values, layer.weight);
          assert.deepEqual([...ours.scales], theirs?.scales, layer.weight);
        }
      } finally {
        bench.close();
      }
    });
});
