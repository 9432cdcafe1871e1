// SPDX-License-Identifier: Apache-2.0
// PP-OCR's text detector in INT8, judged by the text that it finds on pages of digits.
import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { describe, it } from "node:test";
import { Graph } from "../../src/optimize/onnx/graph.js";
import { calibrate } from "../../src/optimize/quantize/calibrate.js";
import { placePairs } from "../../src/optimize/quantize/placement.js";
import { quantizeModel } from "../../src/optimize/quantize/quantize.js";
import { profiles } from "../../src/optimize/quantize/target.js";
import { normalizedModel } from "../../src/optimize/run/normalize.js";
import { Workbench } from "../../src/optimize/run/workbench.js";
import { Tensor } from "../../src/runtime/tensor.js";
import { floats, reference } from "../reference.js";
import { draftPath, networks, writeDraft } from "./model-files.js";
import { digitPage, intersectionOverUnion } from "./pages.js";
import { npy } from "./sample-files.js";

const side = 320;

describe("text detection in INT8", () => {
  const pages = () => {
    const data = new Float32Array(16 * 3 * side * side);
    for (let i = 0; i < 16; i++) data.set(digitPage(i, side), i * 3 * side * side);
    return writeDraft("pages.npy", npy([16, 3, side, side], data));
  };
  const agreement = async (path: string) => {
    let sum = 0;
    for (let page = 100; page < 104; page++) {
      const x = floats([1, 3, side, side], digitPage(page, side));
      const [before, after] = [await reference(networks.detection, { x }), await reference(path, { x })];
      const [first, second] = [before, after].map((outputs) => Object.values(outputs)[0]?.data as Float32Array);
      sum += intersectionOverUnion(first as Float32Array, second as Float32Array);
    }
    return sum / 4;
  };
  const attempt = (output: string, minSqnr: number) =>
    quantizeModel({
      model: networks.detection,
      output: draftPath(output),
      calibration: pages(),
      maxDrop: 1,
      minSqnr,
      biasCorrection: false,
      minSpeedup: 0,
    });

  it("finds the same text, from an old operator set, with its ConvTransposes in FP32", async () => {
    const { report } = await attempt("det.onnx", 0);
    assert.deepEqual(
      report.layers.float.map(({ op }) => op),
      ["ConvTranspose", "ConvTranspose"],
    );
    assert.deepEqual(report.fusion?.missed, []);
    const same = await agreement(draftPath("det.onnx"));
    assert.ok(same >= 0.96, `intersection over union ${same}`);
    assert.ok(statSync(networks.detection).size / statSync(draftPath("det.onnx")).size >= 3.3);
  });

  it("finds more of it when the worst layers stay FP32", async () => {
    const { report, missed } = await attempt("det-excluded.onnx", 20);
    assert.deepEqual(missed, []);
    assert.ok(report.excluded.length > 0 && report.excluded.length < 16, `${report.excluded.length} excluded`);
    assert.deepEqual(
      report.excluded,
      report.sensitivity.slice(0, report.excluded.length).map(({ name }) => name),
    );
    assert.deepEqual(report.fusion?.missed, [], "those that stay FP32 were not meant to be integer");
    assert.ok(
      report.noise.every(({ sqnr }) => sqnr > 5),
      JSON.stringify(report.noise.filter(({ sqnr }) => sqnr <= 5)),
    );
    assert.ok((await agreement(draftPath("det-excluded.onnx"))) >= 0.975);
  });
});

it("calibration takes memory for the model, not for the samples", async () => {
  const bench = new Workbench();
  try {
    const model = await normalizedModel(bench, networks.detection);
    const { tensors } = placePairs(new Graph(model), profiles.cpu, new Set());
    const page = new Tensor("FP32", digitPage(1, side), [1, 3, side, side]);
    const samples = { count: 24, inputs: async () => ({ x: page }), label: () => undefined };
    const start = process.memoryUsage().rss;
    const growth: number[] = [];
    const onSample = () => growth.push((process.memoryUsage().rss - start) / 2 ** 20);
    const found = await calibrate(bench, model, [...tensors.keys()], samples, { budgetBytes: 2 ** 24, onSample });
    const watched = [...found.values()].reduce((sum, { total }) => sum + 4 * total, 0) / 2 ** 20;
    assert.ok(watched > 1000, `${watched} MiB went by`);
    assert.ok(Math.max(...growth) < 300, `grew by ${Math.max(...growth)} MiB`);
    const early = Math.max(...growth.slice(0, 8));
    assert.ok(Math.max(...growth.slice(8)) < early + 64, `grew from ${early} MiB on: ${growth.map(Math.round)}`);
  } finally {
    bench.close();
  }
});
