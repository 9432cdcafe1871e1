// SPDX-License-Identifier: Apache-2.0
// The digits model quantized from end to end, judged by onnxruntime-node on the 2,000 digits that nobody has seen.
import assert from "node:assert/strict";
import { existsSync, statSync } from "node:fs";
import { describe, it } from "node:test";
import { GraphBuilder } from "../../bench/models/graph.js";
import { readModel } from "../../src/optimize/onnx/model-file.js";
import { saturates } from "../../src/optimize/quantize/cpu-compat.js";
import { type QuantizeOptions, quantizeModel } from "../../src/optimize/quantize/quantize.js";
import { thisMachine } from "../../src/optimize/run/machine.js";
import { floats, tensor } from "../reference.js";
import { argmax, heldOutDigits } from "../samples/held-out-digits.js";
import { compareDigits, digitFile, floatFeed, scores, share } from "./digit-samples.js";
import { draftPath, networks, writeDraft } from "./model-files.js";
import { npy } from "./sample-files.js";

/** Speed is no matter in tests: machines that run them are busy. */
const quantizeDigits = (output: string, samples: number, more: Partial<QuantizeOptions> = {}) =>
  quantizeModel({
    model: networks.digits,
    output: draftPath(output),
    calibration: digitFile(output, samples),
    minSpeedup: 0,
    maxSamples: samples,
    ...more,
  });

describe("quantize refuses", () => {
  const some = () => digitFile("some", 12);
  const attempt = (more: Partial<QuantizeOptions>) =>
    quantizeModel({
      model: networks.digits,
      output: draftPath("refused.onnx"),
      calibration: some(),
      minSpeedup: 0,
      ...more,
    });

  it("a model that is not there, or none", async () => {
    await assert.rejects(attempt({ model: draftPath("absent.onnx") }), { code: "ERR_MODEL_NOT_FOUND" });
    await assert.rejects(attempt({ model: writeDraft("none.onnx", Buffer.from("none")) }), { code: "ERR_LOAD_FAILED" });
  });

  it("data that do not fit the model", async () => {
    const wrong = writeDraft("wrong.npy", npy([2, 3], new Float32Array(6)));
    await assert.rejects(attempt({ calibration: wrong }), {
      code: "ERR_INVALID_INPUT",
      message: /for input 'image', got \[2,3\]/,
    });
  });

  it("a layer to exclude that is not there", async () => {
    await assert.rejects(attempt({ exclude: ["conv0.conf"] }), {
      code: "ERR_INVALID_ARGUMENT",
      message: /no layer 'conv0.conf' to exclude, did you mean 'conv0.conv'/,
    });
  });

  it("a model without a layer to quantize", async () => {
    const model = writeDraft("relu.onnx", new GraphBuilder(1).relu().finish([4], 4));
    await assert.rejects(attempt({ model, calibration: "random" }), {
      code: "ERR_UNSUPPORTED",
      message: /no layer that can be/,
    });
  });

  it("to write what is worse than asked", async () => {
    const { missed } = await attempt({ minSqnr: 150, maxDrop: 1 });
    assert.equal(missed.length, 1);
    assert.match(missed[0] ?? "", /dB of signal to noise, at least 150 dB was asked for/);
    assert.equal(existsSync(draftPath("refused.onnx")), false);
  });

  it("to write what is slower than asked", async () => {
    const { missed } = await attempt({ minSpeedup: 1000 });
    assert.match(missed.join(), /times as fast as the original, at least 1000 was asked for/);
    assert.equal(existsSync(draftPath("refused.onnx")), false);
  });

  it("what is quantized already, and integer inputs of what has none", async () => {
    await quantizeDigits("twice.onnx", 12);
    await assert.rejects(attempt({ model: draftPath("twice.onnx") }), {
      code: "ERR_UNSUPPORTED",
      message: /quantized already .*start from the FP32 model/,
    });
    await assert.rejects(attempt({ target: "tensorrt", inputU8: true }), {
      code: "ERR_UNSUPPORTED",
      message: /no input of the model/,
    });
    await assert.rejects(attempt({ target: "tensorrt", mode: "dynamic" }), {
      code: "ERR_INVALID_ARGUMENT",
      message: /no dynamic/,
    });
  });
});

async function largestWeight(path: string): Promise<number> {
  const { proto } = await readModel(path);
  const weights =
    proto.graph?.initializer.filter(({ name = "", dataType }) => name.endsWith("_int8") && dataType === 3) ?? [];
  assert.equal(weights.length, 4);
  const values = weights.flatMap(({ rawData }) => [...new Int8Array(Uint8Array.from(rawData ?? []).buffer)]);
  return Math.max(...values.map(Math.abs));
}

describe("digits in INT8", () => {
  it("are read as well as in FP32", async () => {
    const start = performance.now();
    const { report, missed } = await quantizeDigits("digits.onnx", 400);
    const seconds = (performance.now() - start) / 1000;
    const known = ["preparation", "calibration", "ranges as seen", "ranges of least squared error", "report", "speed"];
    const stages = report.stages.map(({ name }) => name);
    assert.deepEqual(
      stages.filter((name) => known.includes(name)),
      known,
    );
    assert.equal(new Set(stages).size, stages.length);
    assert.ok(report.stages.reduce((sum, stage) => sum + stage.seconds, 0) <= seconds, "stages do not overlap");
    assert.deepEqual(missed, []);
    const { drop, agreement, sqnr } = await compareDigits(draftPath("digits.onnx"));
    assert.ok(drop <= 0.003, `accuracy drops by ${drop}`);
    assert.ok(agreement >= 0.995, `agreement ${agreement}`);
    assert.ok(sqnr >= 34, `${sqnr} dB`);
    assert.equal(report.quality.dropOf, "accuracy");
    assert.deepEqual([report.fusion?.integer, report.fusion?.missed], [4, []]);
    assert.ok(statSync(networks.digits).size / statSync(draftPath("digits.onnx")).size > 3);
    const { proto } = await readModel(draftPath("digits.onnx"));
    const metadata = Object.fromEntries(proto.metadataProps.map(({ key, value }) => [key, value]));
    assert.equal(metadata.accuracy, "0.9920", "the original's metadata are kept");
    assert.equal(JSON.parse(metadata["ortserve.quantize"] ?? "").target, "cpu");
  });

  it("are read well after calibration on 16 samples", async () => {
    await quantizeDigits("digits16.onnx", 16, { maxDrop: 1 });
    const { agreement } = await compareDigits(draftPath("digits16.onnx"));
    assert.ok(agreement >= 0.993, `agreement ${agreement}`);
  });

  it("come as pixels when the input is UINT8, to the same bits", async () => {
    await quantizeDigits("digits-f32.onnx", 100);
    const { report } = await quantizeDigits("digits-u8.onnx", 100, { inputU8: true });
    const [input] = report.inputs;
    assert.ok(input);
    const { scale, zeroPoint } = input.params;
    const bytes = (pixels: Float32Array) => Uint8Array.from(pixels, (value) => Math.round(value / scale) + zeroPoint);
    const exact = (pixels: Float32Array) =>
      Float32Array.from(bytes(pixels), (q) => Math.fround((q - zeroPoint) * scale));
    const integers = await scores(draftPath("digits-u8.onnx"), (pixels, rows) =>
      tensor("uint8", [rows, 28, 28, 1], bytes(pixels)),
    );
    const reals = await scores(draftPath("digits-f32.onnx"), (pixels, rows) =>
      floats([rows, 28, 28, 1], exact(pixels)),
    );
    assert.deepEqual(integers, reals);
    const { proto } = await readModel(draftPath("digits-u8.onnx"));
    const metadata = Object.fromEntries(proto.metadataProps.map(({ key, value }) => [key, value]));
    assert.equal(Number(metadata["input.image.scale"]), scale);
    assert.equal(Number(metadata["input.image.zero_point"]), zeroPoint);
  });

  it("are the same whether ONNX Runtime fuses the pairs or not", async () => {
    await quantizeDigits("digits-fused.onnx", 100);
    const { InferenceSession } = await import("onnxruntime-node");
    const options = { graphOptimizationLevel: "disabled", intraOpNumThreads: 1 } as const;
    const session = await InferenceSession.create(draftPath("digits-fused.onnx"), options);
    const { pixels, labels } = heldOutDigits();
    const { probabilities } = await session.run({ image: floatFeed(pixels, labels.length) });
    await session.release();
    const [unfused, fused] = [
      probabilities?.data as Float32Array,
      await scores(draftPath("digits-fused.onnx"), floatFeed),
    ];
    const same = argmax(fused, 10).map((digit, i) => digit === argmax(unfused.subarray(10 * i, 10 * i + 10), 10)[0]);
    assert.ok(share(same) >= 0.998, `${share(same)}`);
  });

  it("leave out the layers that they are told to", async () => {
    const { report } = await quantizeDigits("partly.onnx", 12, { exclude: ["conv0.conv"], maxDrop: 1 });
    assert.deepEqual(report.layers.float, [{ name: "conv0.conv", op: "Conv", reason: "excluded" }]);
    assert.deepEqual([report.fusion?.integer, report.fusion?.float.length, report.fusion?.missed], [3, 1, []]);
  });

  it("run on processors that saturate, in 7 bits", async () => {
    await quantizeDigits("avx2.onnx", 100, { cpuCompat: "avx2" });
    assert.equal(await largestWeight(draftPath("avx2.onnx")), 64);
    const { agreement, sqnr } = await compareDigits(draftPath("avx2.onnx"));
    assert.ok(agreement >= 0.99 && sqnr >= 30, `${agreement}, ${sqnr} dB`);
  });

  it("take the bits by default that lose least on this processor", async () => {
    const saturating = saturates(thisMachine());
    const { report } = await quantizeDigits("native.onnx", 100);
    assert.equal(await largestWeight(draftPath("native.onnx")), saturating ? 64 : 127);
    assert.equal(/no 8-bit dot products.*--cpu-compat/.test(report.warnings.join()), saturating);
    const trials = report.trials.filter(({ what }) => what.startsWith("weights of"));
    assert.deepEqual(
      trials.map(({ what, kept }) => [what, kept]),
      saturating
        ? [
            ["weights of 7 bits", true],
            ["weights of 8 bits", false],
          ]
        : [],
    );
    for (const { sqnr, kept } of trials) assert.equal(kept, sqnr === report.quality.sqnr);
  });

  it("take 8 bits for processors with dot products, and are judged as they run there", async () => {
    const saturating = saturates(thisMachine());
    const { report } = await quantizeDigits("vnni.onnx", 100, { cpuCompat: "vnni" });
    assert.equal(await largestWeight(draftPath("vnni.onnx")), 127);
    assert.ok(report.quality.sqnr >= 34, `${report.quality.sqnr} dB`);
    assert.equal(/gives wrong numbers here/.test(report.warnings.join()), saturating);
  });
});
