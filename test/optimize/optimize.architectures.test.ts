// SPDX-License-Identifier: Apache-2.0
// Known architectures, in their real shapes but for the size of the image: size, kernels and types of what comes out.
import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { describe, it } from "node:test";
import { bertLayers, imageRows, mobileNetV2, resnet50 } from "../../bench/models/architectures.js";
import { reproducibleNumbers } from "../../bench/models/graph.js";
import { readModel } from "../../src/optimize/onnx/model-file.js";
import { quantizeModel } from "../../src/optimize/quantize/quantize.js";
import { floats, reference } from "../reference.js";
import { draftPath, writeDraft } from "./model-files.js";
import { npy } from "./sample-files.js";

describe("known architectures in INT8", () => {
  const side = 64;
  for (const [name, build, smaller] of [
    ["ResNet-50", resnet50, 3.9],
    ["MobileNetV2", mobileNetV2, 3.6],
  ] as const)
    it(`${name} is ${smaller} times smaller, all of it on integer kernels`, async () => {
      const model = writeDraft(`${name}.onnx`, build({ side }));
      const samples = writeDraft(`${name}.npy`, npy([8, 3, side, side], imageRows(8, side)));
      const output = draftPath(`${name}-int8.onnx`);
      const { report, missed } = await quantizeModel({ model, output, calibration: samples, minSpeedup: 0 });
      assert.deepEqual([missed, report.fusion?.float], [[], []]);
      assert.ok(statSync(model).size / statSync(output).size >= smaller, `${statSync(output).size} bytes`);
      assert.ok(report.quality.sqnr > 25, `${report.quality.sqnr} dB`);
    });

  it("a transformer is quantized dynamically, and its report says so", async () => {
    const model = writeDraft("bert.onnx", bertLayers(1));
    const output = draftPath("bert-int8.onnx");
    const { report } = await quantizeModel({
      model,
      output,
      calibration: "random",
      minSpeedup: 0,
      shapes: { x: [1, 16, 768] },
    });
    assert.equal(report.mode, "dynamic");
    assert.ok(report.quality.sqnr > 30, `${report.quality.sqnr} dB`);
    assert.ok(statSync(model).size / statSync(output).size > 3.9);
    assert.match(report.warnings.join(), /made-up inputs/);
    const x = floats([2, 7, 768], reproducibleNumbers(8, 2 * 7 * 768));
    assert.deepEqual((await reference(output, { x })).y?.dims, [2, 7, 768]);
  });

  for (const target of ["cuda", "tensorrt"] as const)
    it(`MobileNetV2 for ${target} has what that takes, and nothing else`, async () => {
      const model = writeDraft(`${target}.onnx`, mobileNetV2({ side: 64 }));
      const output = draftPath(`${target}-out.onnx`);
      const { report } = await quantizeModel({ model, output, calibration: "random", target, minSpeedup: 0 });
      assert.ok(report.quality.sqnr > (target === "cuda" ? 45 : 20), `${report.quality.sqnr} dB`);
      const graph = (await readModel(output)).proto.graph;
      const types = new Set(graph?.initializer.map(({ dataType }) => dataType));
      assert.deepEqual(
        graph?.input.map(({ type }) => type?.tensorType?.elemType),
        [1],
      );
      if (target === "cuda") assert.deepEqual([...types], [10]);
      else assert.deepEqual([...types].sort(), [1, 3], "INT8 and FP32: no INT32 bias, no UINT8");
      const zero = graph?.initializer.filter(({ name = "" }) => /zero_point/.test(name)) ?? [];
      for (const { rawData } of zero) assert.ok(rawData?.every((byte) => byte === 0));
    });
});
