// SPDX-License-Identifier: Apache-2.0
// UINT8 inputs of models whose preprocess is known: callers send pixels, and the outputs are, bit for bit, those of the float input.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { GraphBuilder, reproducibleNumbers } from "../../bench/models/graph.js";
import { type PixelArithmetic, pixelArithmetic, pixelsOf, realsOf } from "../../src/optimize/data/pixels.js";
import { modelBytes } from "../../src/optimize/onnx/codec.js";
import { Graph } from "../../src/optimize/onnx/graph.js";
import { ElementType } from "../../src/optimize/onnx/messages.js";
import { readModel } from "../../src/optimize/onnx/model-file.js";
import { makeValue } from "../../src/optimize/onnx/node.js";
import { pixelParams } from "../../src/optimize/quantize/pixel-input.js";
import { type QuantizeOptions, quantizeModel } from "../../src/optimize/quantize/quantize.js";
import type { ImagePreprocess } from "../../src/runtime/image-options.js";
import { Model } from "../../src/runtime/model.js";
import { Tensor } from "../../src/runtime/tensor.js";
import { floats, reference, tensor } from "../reference.js";
import { noise, png } from "../transform/pictures.js";
import { draftPath, writeDraft } from "./model-files.js";
import { npy } from "./sample-files.js";
import { quantizeUntimed } from "./untimed.js";

const side = 16;
const model = writeDraft(
  "camera.onnx",
  new GraphBuilder(31).conv(3, 8, 1).relu().conv(8, 8, 2).relu().channelMeans().dense(8, 5).finish([3, side, side], 5),
);
const imagenet = { scale: 1 / 255, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

const optionsOf = (image: ImagePreprocess, options: Partial<QuantizeOptions> = {}): QuantizeOptions => ({
  ...{ model, output: draftPath("refused.onnx"), calibration: "random", minSpeedup: 0, maxDrop: 1 },
  requests: { preprocess: { x: { image } } },
  ...options,
});

const quantized = async (name: string, image: ImagePreprocess, more: Partial<QuantizeOptions> = {}) => {
  const output = draftPath(`${name}.onnx`);
  return { output, ...(await quantizeUntimed(optionsOf(image, { ...more, output }))) };
};

const arithmeticOf = (image: ImagePreprocess, shape = [-1, 3, side, side]): PixelArithmetic | undefined =>
  pixelArithmetic([{ name: "x", datatype: "FP32", shape } as never], { x: { image } }).get("x");

describe("UINT8 inputs are refused", () => {
  it("where the target or the mode has no integers for them", async () => {
    const told = { code: "ERR_INVALID_ARGUMENT", message: /--input-u8/ };
    await assert.rejects(quantizeModel(optionsOf(imagenet, { inputU8: true, target: "cuda" })), told);
    await assert.rejects(quantizeModel(optionsOf(imagenet, { inputU8: true, mode: "dynamic" })), told);
  });

  it("where the calibration data are not what preprocess makes of pixels", async () => {
    const count = 8;
    const calibration = writeDraft(
      "bytes.npy",
      npy([count, 3, side, side], new Float32Array(count * 3 * side * side).fill(255)),
    );
    await assert.rejects(quantizeModel(optionsOf(imagenet, { inputU8: true, calibration })), {
      code: "ERR_INVALID_INPUT",
      message: /expected calibration data from -2\.1\d* to 2\.6\d* for input 'x', .* got .* to 255/,
    });
  });
});

describe("what preprocess computes", () => {
  it("is read in the order of the tensor, along the dim of its channels", () => {
    assert.deepEqual(arithmeticOf({ scale: 0.5 }), { mul: [0.5], add: [0], axis: -3 });
    const each = arithmeticOf({ color: "bgr", std: [1, 2, 4], mean: [1, 2, 4] }, [-1, side, side, 3]);
    assert.deepEqual(each, { mul: [1, 0.5, 0.25], add: [-1], axis: -1 });
    assert.deepEqual(arithmeticOf({ color: "gray", width: 4, height: 4 }, [-1, 16]), { mul: [1], add: [0], axis: -1 });
    assert.equal(arithmeticOf({ ...imagenet, width: 4, height: 4 }, [-1, 48]), undefined);
  });

  it("comes to integers that are the pixels for one scale and a whole zero point, and for nothing else", () => {
    const params = (image: ImagePreprocess) => pixelParams(arithmeticOf(image) as PixelArithmetic);
    assert.deepEqual(
      [params({ scale: 1 / 255 })?.scale, params({ scale: 1 / 255 })?.zeroPoint],
      [Math.fround(1 / 255), 0],
    );
    assert.equal(params({ mean: 128, std: 128 })?.zeroPoint, 128);
    for (const image of [imagenet, { scale: 1 / 255, mean: 0.5, std: 0.5 }, { mean: 300 }, { scale: -1 }])
      assert.equal(params(image), undefined, JSON.stringify(image));
  });

  it("is undone exactly", () => {
    const arithmetic = arithmeticOf(imagenet) as PixelArithmetic;
    const { data } = noise(4, side, side);
    const shape = [1, 3, side, side];
    assert.deepEqual(pixelsOf(realsOf(data, shape, arithmetic), shape, arithmetic), data);
  });
});

describe("a model that takes pixels gives the same bits as one that takes what preprocess makes of them", () => {
  const picture = noise(7, side, side);
  const shape = [1, 3, side, side];
  const plane = side * side;
  const planes = Uint8Array.from(picture.data, (_, at) => {
    return picture.data[(at % plane) * 3 + Math.floor(at / plane)] as number;
  });
  const pixels = {
    same: tensor("uint8", shape, planes),
    nhwc: tensor("uint8", [1, side, side, 3], picture.data),
  };
  const served = async (path: string, image: ImagePreprocess) => {
    const loaded = await Model.load(path, { preprocess: { x: { image } } });
    const { y } = await loaded.predict<{ y: Tensor }>({ x: await png(picture) });
    await loaded.close();
    return y.data;
  };

  for (const [what, image, layouts, operators] of [
    ["a scale", { scale: 1 / 255 }, ["same", "nhwc"], { Cast: undefined, QuantizeLinear: undefined }],
    ["one mean and deviation", { mean: 127.5, std: 127.5 }, ["same"], { Cast: 1, QuantizeLinear: 1 }],
    ["means and deviations by channel", imagenet, ["same", "nhwc"], { Cast: 1, QuantizeLinear: 1 }],
  ] as const)
    it(`for ${what}`, async () => {
      const options: ImagePreprocess = image;
      const name = what.replaceAll(" ", "-");
      const float = await quantized(`${name}-f32`, options);
      const arithmetic = arithmeticOf(options) as PixelArithmetic;
      const { y: expected } = await reference(float.output, { x: floats(shape, realsOf(planes, shape, arithmetic)) });
      for (const inputLayout of layouts) {
        const bytes = await quantized(`${name}-${inputLayout}`, options, { inputU8: true, inputLayout });
        assert.deepEqual(bytes.facts.fusion?.missed, []);
        assert.ok(bytes.quality.sqnr > 25, `${bytes.quality.sqnr} dB`);
        for (const [op, count] of Object.entries(operators)) assert.equal(bytes.facts.fusion?.operators[op], count, op);
        const { y } = await reference(bytes.output, { x: pixels[inputLayout] });
        assert.deepEqual(y?.data, expected?.data);
        // The float model's configuration serves both, and pixels need none.
        for (const form of [options, {}]) assert.deepEqual(await served(bytes.output, form), expected?.data);
      }
    });

  it("also where the first layer stays FP32", async () => {
    const first = new Graph(await readModel(model)).nodes.find(({ opType }) => opType === "Conv")?.name ?? "";
    const exclude = [first];
    const float = await quantized("first-f32", imagenet, { exclude });
    const bytes = await quantized("first-u8", imagenet, { exclude, inputU8: true, inputLayout: "nhwc" });
    assert.deepEqual(await served(bytes.output, imagenet), await served(float.output, imagenet));
  });
});

describe("UINT8 outputs", () => {
  it("are refused where no convolution makes them, and where there are no integers", async () => {
    await assert.rejects(quantizeModel(optionsOf(imagenet, { outputU8: true })), {
      code: "ERR_UNSUPPORTED",
      message: /--output-u8: no output of the model ends with a convolution/,
    });
    const told = { code: "ERR_INVALID_ARGUMENT", message: /--output-u8/ };
    await assert.rejects(quantizeModel(optionsOf(imagenet, { outputU8: true, target: "cuda" })), told);
    await assert.rejects(quantizeModel(optionsOf(imagenet, { outputU8: true, mode: "dynamic" })), told);
  });

  it("stand for the very floats of the float output, also where the graph reads on", async () => {
    const graph = new GraphBuilder(32).conv(3, 8, 1).relu().conv(8, 4, 1).relu();
    const map = graph.at;
    const bytes = graph.channelMeans().finish([3, side, side], 4);
    const { proto } = await readModel(writeDraft("maps-base.onnx", bytes));
    proto.graph?.output.push(makeValue(map, ElementType.float, ["N", 4, side, side]));
    const maps = writeDraft("maps.onnx", modelBytes(proto));
    const float = await quantized("maps-f32", imagenet, { model: maps });
    const { output, facts } = await quantized("maps-u8", imagenet, { model: maps, outputU8: true });
    assert.deepEqual(
      facts.outputs.map(({ name }) => name),
      [map],
    );
    const x = floats([1, 3, side, side], reproducibleNumbers(5, 3 * side * side));
    const [before, after] = [await reference(float.output, { x }), await reference(output, { x })];
    assert.equal(after[map]?.type, "uint8");
    const metadata = new Map((await readModel(output)).proto.metadataProps.map(({ key, value }) => [key, value]));
    const [scale, zero] = ["scale", "zero_point"].map((what) => Number(metadata.get(`output.${map}.${what}`)));
    const reals = Float32Array.from(after[map]?.data as Uint8Array, (q) => (q - (zero as number)) * (scale as number));
    assert.deepEqual(reals, before[map]?.data);
    assert.deepEqual(after.y?.data, before.y?.data);
    // In a server: floats again.
    const dequantize = { scale: scale as number, zeroPoint: zero as number };
    const served = await Model.load(output, { postprocess: { [map]: { dequantize } } });
    const answer = await served.predict<Record<string, Tensor>>({
      x: new Tensor("FP32", x.data as Float32Array, x.dims),
    });
    await served.close();
    assert.deepEqual(answer[map]?.data, before[map]?.data);
  });
});
