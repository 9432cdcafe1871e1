// SPDX-License-Identifier: Apache-2.0
// What `inspect` finds in models whose numbers are known.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { bertLayers, mobileNetV2, resnet50 } from "../../bench/models/architectures.js";
import { differences, differenceText } from "../../src/optimize/inspect/difference.js";
import { inspectModel } from "../../src/optimize/inspect/inspect.js";
import { inspectionText } from "../../src/optimize/inspect/text.js";
import { pruneModel } from "../../src/optimize/prune/prune.js";
import { quantizeModel } from "../../src/optimize/quantize/quantize.js";
import { modelPath } from "../models/make.mjs";
import { draftPath, networks, writeDraft } from "./model-files.js";

describe("inspect refuses", () => {
  it("a file that is not there", async () => {
    await assert.rejects(inspectModel(draftPath("absent.onnx")), { code: "ERR_MODEL_NOT_FOUND" });
  });

  it("a file that is no model", async () => {
    await assert.rejects(inspectModel(modelPath("corrupt")), { code: "ERR_LOAD_FAILED" });
  });

  it("a shape for an input that the model has not", async () => {
    await assert.rejects(inspectModel(networks.digits, { shapes: { picture: [1] } }), {
      code: "ERR_INVALID_ARGUMENT",
      message: /unknown input 'picture'; the model takes image/,
    });
  });

  it("a shape that does not fit", async () => {
    await assert.rejects(inspectModel(networks.digits, { shapes: { image: [1, 28, 28, 3] } }), {
      code: "ERR_INVALID_ARGUMENT",
      message: /fits FP32 \[-1,28,28,1\] for input 'image', got \[1,28,28,3\]/,
    });
  });

  it("inputs that are no numbers", async () => {
    await assert.rejects(inspectModel(modelPath("ident_string")), { code: "ERR_UNSUPPORTED", message: /takes BYTES/ });
  });
});

describe("inspect finds", () => {
  it("the signature, the weights and the work of the sample model", async () => {
    const found = await inspectModel(networks.digits, { shapes: { image: [2, 28, 28, 1] } });
    assert.deepEqual(found.inputs, [{ name: "image", type: "float", shape: ["batch", 28, 28, 1] }]);
    assert.deepEqual(found.outputs, [{ name: "probabilities", type: "float", shape: ["batch", 10] }]);
    assert.equal(found.opsets["ai.onnx"], 17);
    assert.equal(found.parameters.bytes, 4 * found.parameters.count);
    const conv = found.operators.find(({ op }) => op === "Conv");
    assert.equal(conv?.nodes, 3);
    // 16 filters of 5x5x1 on 28x28, 32 of 3x3x16 on 14x14, 48 of 3x3x32 on 7x7; then 10 times 48x3x3; two rows of each.
    const once = 16 * 25 * 784 + 32 * 144 * 196 + 48 * 288 * 49;
    assert.equal(conv?.macs, 2 * once);
    assert.equal(found.run.macs, 2 * (once + 432 * 10));
    assert.ok(found.run.execution.every(({ provider, nodes }) => provider === "cpu" && nodes > 0));
    assert.ok(found.run.execution.some(({ op, precision }) => op === "Conv" && precision === "fp32"));
    // The largest two tensors that meet: the first convolution's output and its Relu's.
    assert.equal(found.run.peakTensorBytes, 2 * 2 * 16 * 784 * 4);
  });

  for (const [name, bytes, parameters, macs] of [
    ["ResNet-50", resnet50(), 25.5e6, 4.09e9],
    ["MobileNetV2", mobileNetV2(), 3.49e6, 0.301e9],
    // Per layer and token: four squares of the width, and the two of the feed-forward part, which is four times as wide.
    ["two layers of BERT", bertLayers(2, 128), 14.18e6, 2 * 128 * (12 * 768 * 768 + 2 * 128 * 768)],
  ] as const)
    it(`the published size and work of ${name}`, async () => {
      const found = await inspectModel(writeDraft(`${name}.onnx`, bytes));
      assert.ok(Math.abs(found.parameters.count / parameters - 1) < 0.005, `${found.parameters.count} parameters`);
      assert.ok(Math.abs(found.run.macs / macs - 1) < 0.005, `${found.run.macs} MACs`);
      assert.match(inspectionText(found), /As ONNX Runtime runs it/);
    });

  it("a network inside an If, and weights written as nodes", async () => {
    const voice = await inspectModel(networks.voiceLegacy);
    assert.ok(voice.run.macs > 0);
    const detection = await inspectModel(networks.detection, { shapes: { x: [1, 3, 64, 64] } });
    assert.equal(detection.operators.find(({ op }) => op === "Conv")?.nodes, 62);
    assert.ok(detection.parameters.count > 1e6);
    // An activation and what it is given, of 32 channels at half the size, are alive together.
    assert.ok(detection.run.peakTensorBytes > 2 * 32 * 32 * 32 * 4, `${detection.run.peakTensorBytes}`);
  });

  it("what quantizing would change, and nothing where it would be refused", async () => {
    const digits = await inspectModel(networks.digits);
    assert.deepEqual(
      { ...digits.quantization, bytes: 0 },
      { mode: "static", layers: 4, share: 1, bytes: 0, float: [] },
    );
    assert.ok((digits.quantization?.bytes ?? 0) < digits.bytes / 3);
    assert.match(inspectionText(digits), /4 in INT8, with 100\.0 % of the multiply-accumulates; 0 stay FP32/);
    const bert = await inspectModel(writeDraft("bert-forecast.onnx", bertLayers(1, 16)));
    assert.equal(bert.quantization?.mode, "dynamic");
    assert.deepEqual(
      bert.quantization?.float.map(({ reason }) => reason),
      ["both sides are activations", "both sides are activations"],
    );
    const iris = await inspectModel(networks.iris);
    assert.equal(iris.quantization, undefined);
    assert.match(inspectionText(iris), /nothing: it has no FP32 layer/);
  });

  it("what pruning would leave, as pruning then does, and nothing where it would be refused", async () => {
    const digits = await inspectModel(networks.digits);
    const made = { calibration: "random", maxDrop: 1, minSpeedup: 0 };
    const { report } = await pruneModel({ ...made, model: networks.digits, output: draftPath("foretold.onnx") });
    const { pruning } = digits;
    assert.ok(pruning !== undefined);
    assert.deepEqual([pruning.channels, pruning.groups, pruning.macs], [96, report.groups.length, report.after.macs]);
    assert.equal(pruning.sparsity, report.sparsity.reached);
    assert.ok(Math.abs(pruning.bytes - report.after.bytes) < 500, `${pruning.bytes}, ${report.after.bytes}`);
    assert.match(inspectionText(digits), /With `ortserve prune`\n +channels +\d+ of 96 in 3 groups/);
    const iris = await inspectModel(networks.iris);
    assert.equal(iris.pruning, undefined);
    assert.match(inspectionText(iris), /With `ortserve prune`\n +nothing: it has no channels/);
  });

  it("nothing to foretell of a model that is quantized", async () => {
    const output = draftPath("quantized.onnx");
    await quantizeModel({ model: networks.digits, output, calibration: "random", maxDrop: 1, minSpeedup: 0 });
    const { quantization, pruning } = await inspectModel(output);
    assert.deepEqual([quantization, pruning], [undefined, undefined]);
  });

  it("the difference of two models, and none of one with itself", async () => {
    const [digits, iris] = [await inspectModel(networks.digits), await inspectModel(networks.iris)];
    assert.deepEqual(differences(digits, digits), []);
    const changes = differences(digits, iris);
    assert.ok(changes.some(({ what, before, after }) => what === "nodes of Conv" && before === 3 && after === "none"));
    assert.match(differenceText(digits, iris), /input image +image float \[batch,28,28,1\] +none/);
  });
});
