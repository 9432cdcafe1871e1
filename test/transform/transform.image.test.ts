// SPDX-License-Identifier: Apache-2.0
// Images: their pixels as tensors, against arithmetic on pixels that are known.
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { Model, type ModelOptions, type Tensor } from "../../src/index.js";
import { reference, tensor } from "../reference.js";
import { bytesNetwork, identity, imageAndRow } from "./models.js";
import { image, noise, type Pixels, png, stripes } from "./pictures.js";

const open: Model[] = [];
after(() => Promise.all(open.map((model) => model.close())));

type ImageOptions = Extract<NonNullable<ModelOptions["preprocess"]>[string], { image: unknown }>["image"];

async function load(path: string, options: ImageOptions, input = "x"): Promise<Model> {
  const model = await Model.load(path, { name: "m", preprocess: { [input]: { image: options } } });
  open.push(model);
  return model;
}

async function run(model: Model, file: Uint8Array): Promise<{ shape: readonly number[]; data: number[] }> {
  const { y } = await model.predict<{ y: Tensor }>(file);
  return { shape: y.shape, data: Array.from(y.data as Float32Array) };
}

/** value(pixel, channel) in the layout asked for. */
function expected({ width, height, data }: Pixels, planar: boolean, value: (x: number, channel: number) => number) {
  const pixels = width * height;
  const out = new Float32Array(pixels * 3);
  for (let at = 0; at < pixels; at++) {
    for (let c = 0; c < 3; c++) out[planar ? c * pixels + at : at * 3 + c] = value(data[at * 3 + c] as number, c);
  }
  return Array.from(out);
}

const red = [255, 0, 0];
const green = [0, 255, 0];
const blue = [0, 0, 255];

describe("images that do not fit the graph are refused at load", () => {
  const cases: [string, string, ImageOptions, RegExp][] = [
    [
      "another number of channels",
      identity("fp32", ["batch", 4, 4, 1]),
      {},
      /pixels \(NHWC\) of 3 channels.*got FP32 \[-1,4,4,1\]/,
    ],
    [
      "another size",
      identity("fp32", ["batch", 4, 4, 3]),
      { width: 5, height: 4 },
      /and 5 x 4 pixels.*got FP32 \[-1,4,4,3\]/,
    ],
    ["an input of strings", identity("string", ["batch", 4, 4, 3]), {}, /FP32, FP16, BF16, UINT8 or INT8 for an image/],
    [
      "quantized floats",
      identity("fp32", ["batch", 4, 4, 3]),
      { quantize: { scale: 1 } },
      /UINT8 or INT8 for 'quantize'/,
    ],
    ["a flat row of unknown size", identity("fp32", ["batch", "n"]), {}, /'width' x 'height' x 3/],
    [
      "means of two channels",
      identity("fp32", ["batch", 4, 4, 3]),
      { mean: [1, 2] },
      /one mean or 3, one per channel, got 2/,
    ],
    ["only a width", identity("fp32", ["batch", 4, 4, 3]), { width: 4 }, /width and height, got only width/],
  ];
  for (const [what, path, options, message] of cases) {
    it(what, () => assert.rejects(load(path, options), { code: "ERR_INVALID_ARGUMENT", message }));
  }
});

describe("pixels", () => {
  const picture = noise(1, 5, 3);
  const mean = [0.485, 0.456, 0.406];
  const std = [0.229, 0.224, 0.225];
  const normal = (x: number, c: number) =>
    Math.fround(
      Math.fround(x * Math.fround(1 / 255 / (std[c] as number))) +
        Math.fround(-(mean[c] as number) / (std[c] as number)),
    );

  it("become normalized planes where the graph takes planes", async () => {
    const model = await load(identity("fp32", ["batch", 3, 3, 5]), { scale: 1 / 255, mean, std });
    const { shape, data } = await run(model, await png(picture));
    assert.deepEqual(shape, [1, 3, 3, 5]);
    assert.deepEqual(data, expected(picture, true, normal));
  });

  it("stay interleaved where it takes pixels", async () => {
    const model = await load(identity("fp32", ["batch", 3, 5, 3]), { scale: 1 / 255, mean, std });
    assert.deepEqual((await run(model, await png(picture))).data, expected(picture, false, normal));
  });

  it("change their order for BGR, whose means stand in that order too", async () => {
    const model = await load(identity("fp32", ["batch", 3, 3, 5]), { color: "bgr", mean: [1, 2, 3] });
    const swapped = { ...picture, data: picture.data.map((_, i) => picture.data[i - (i % 3) + 2 - (i % 3)] as number) };
    assert.deepEqual(
      (await run(model, await png(picture))).data,
      expected(swapped, true, (x, c) => x - c - 1),
    );
  });

  it("keep the image's own size where the graph takes any", async () => {
    const model = await load(identity("fp32", ["batch", 3, "h", "w"]), {});
    assert.deepEqual((await run(model, await png(noise(2, 7, 6)))).shape, [1, 3, 6, 7]);
    const padded = await load(identity("fp32", ["batch", 3, "h", "w"]), { padTo: 4, background: [9, 8, 7] });
    const { shape, data } = await run(padded, await png(noise(2, 7, 6)));
    assert.deepEqual(shape, [1, 3, 8, 8]);
    assert.deepEqual([data[7], data[63], data[127], data[191]], [9, 9, 8, 7]);
  });

  it("are quantized as ONNX Runtime quantizes", async () => {
    const model = await load(identity("int8", ["batch", 3, 5, 3]), {
      scale: 1 / 255,
      mean,
      std,
      quantize: { scale: 0.02, zeroPoint: -3 },
    });
    const { y } = await model.predict<{ y: Tensor }>(await png(picture));
    const even = (x: number) => (Math.abs(x % 1) === 0.5 ? 2 * Math.round(x / 2) : Math.round(x));
    const quantized = expected(picture, false, (x, c) =>
      Math.max(-128, Math.min(127, even(Math.fround(normal(x, c) / Math.fround(0.02))) - 3)),
    );
    assert.deepEqual(Array.from(y.data as Int8Array), quantized);
  });

  it("of several files are rows", async () => {
    const model = await load(identity("fp32", ["batch", 3, 5, 3]), {});
    const files = [picture, noise(3, 5, 3), noise(4, 5, 3)];
    const { y } = await model.predict<{ y: Tensor }>(await Promise.all(files.map(png)));
    assert.deepEqual(y.shape, [3, 3, 5, 3]);
    assert.deepEqual(
      Array.from(y.data as Float32Array),
      files.flatMap(({ data }) => Array.from(data)),
    );
  });
});

describe("bytes go into the graph without a float on the way", () => {
  it("and give what ONNX Runtime gives for the same pixels", async () => {
    const path = bytesNetwork();
    const model = await load(path, {}, "image");
    const pictures = [noise(5, 8, 8), noise(6, 8, 8)];
    const data = Uint8Array.from(pictures.flatMap((one) => Array.from(one.data)));
    const expectedScores = await reference(path, { image: tensor("uint8", [2, 8, 8, 3], data) });
    const { scores } = await model.predict<{ scores: Tensor }>(await Promise.all(pictures.map(png)));
    assert.deepEqual(scores.data, expectedScores.scores?.data);
    // Two copies of the pixels are counted: none of them is a float.
    const before = model.stats().copiedBytes.in;
    await model.predict(await png(noise(7, 8, 8)));
    assert.ok(model.stats().copiedBytes.in - before <= 2 * 8 * 8 * 3 + 64);
  });

  it("and a Uint8Array that is no file is the tensor", async () => {
    const model = await load(bytesNetwork(), {}, "image");
    const pixels = noise(8, 8, 8).data;
    const tensorWay = await model.predict<{ scores: Tensor }>({ image: pixels });
    const fileWay = await model.predict<{ scores: Tensor }>({ image: await png(noise(8, 8, 8)) });
    assert.deepEqual(tensorWay.scores.data, fileWay.scores.data);
  });
});

describe("a quantized graph says what its integers stand for", () => {
  const dims = ["batch", 4, 4, 3];
  const picture = noise(11, 4, 4);

  it("so that floats that were normalized become these integers", async () => {
    const path = identity("uint8", dims, { "input.x.scale": "0.02", "input.x.zero_point": "114" });
    const model = await load(path, { scale: 1 / 255, mean: 0.5, std: 0.25 });
    const { y } = await model.predict<{ y: Tensor }>(await png(picture));
    const even = (x: number) => (Math.abs(x % 1) === 0.5 ? 2 * Math.round(x / 2) : Math.round(x));
    const integers = Array.from(picture.data, (x) => {
      const value = Math.fround(Math.fround(x * Math.fround(1 / 255 / 0.25)) - 2);
      return Math.max(0, Math.min(255, even(Math.fround(value / Math.fround(0.02))) + 114));
    });
    assert.deepEqual(Array.from(y.data as Uint8Array), integers);
  });

  it("and pixels go in as they are where that comes to the same, or nothing is said of them", async () => {
    const path = identity("uint8", dims, { "input.x.scale": String(1 / 255), "input.x.zero_point": "0" });
    for (const options of [{ scale: 1 / 255 }, {}]) {
      const { y } = await (await load(path, options)).predict<{ y: Tensor }>(await png(picture));
      assert.deepEqual(Buffer.compare(y.data as Uint8Array, picture.data), 0);
    }
  });

  it("in rows of named values, too", async () => {
    const path = identity("int8", ["batch", 4], { "input.x.scale": "0.5", "input.x.zero_point": "-3" });
    const columns = [
      { name: "a", mean: 1 },
      { name: "b", oneHot: ["x", "y"] },
      { name: "c", ordinal: { z: 2.3 } },
    ];
    const model = await Model.load(path, { preprocess: { x: { columns } } });
    open.push(model);
    const { y } = await model.predict<{ y: Tensor }>([
      { a: 2.25, b: "y", c: "z" },
      { a: 1000, b: "x", c: "z" },
    ]);
    assert.deepEqual(Array.from(y.data as Int8Array), [-1, -3, -1, 2, 127, -1, -3, 2]);
  });
});

describe("files", () => {
  const picture = noise(9, 16, 12);
  const close = (data: number[], within: number) => {
    const worst = Math.max(...data.map((value, at) => Math.abs(value - (picture.data[at] as number))));
    assert.ok(worst <= within, `off by ${worst}`);
  };

  it("of every format are read", async () => {
    const model = await load(identity("fp32", ["batch", 12, 16, 3]), {});
    close((await run(model, await image(picture).webp({ lossless: true }).toBuffer())).data, 0);
    close((await run(model, await image(picture).tiff({ compression: "lzw" }).toBuffer())).data, 0);
    close(
      (await run(model, await image(picture).avif({ lossless: true, chromaSubsampling: "4:4:4" }).toBuffer())).data,
      3,
    );
    close(
      (await run(model, await image(picture).jpeg({ quality: 100, chromaSubsampling: "4:4:4" }).toBuffer())).data,
      3,
    );
    const flat = stripes(16, 12, red, blue);
    const gif = await run(model, await image(flat).gif().toBuffer());
    assert.deepEqual(gif.data, Array.from(flat.data));
  });

  it("are turned as their EXIF data say, unless told not to", async () => {
    const turned = await image(stripes(4, 2, red, blue))
      .jpeg({ quality: 100, chromaSubsampling: "4:4:4" })
      .withMetadata({ orientation: 6 })
      .toBuffer();
    const any = identity("fp32", ["batch", "h", "w", 3]);
    assert.deepEqual((await run(await load(any, {}), turned)).shape, [1, 4, 2, 3]);
    assert.deepEqual((await run(await load(any, { rotate: false }), turned)).shape, [1, 2, 4, 3]);
  });

  it("show the background where they are transparent", async () => {
    const clear = await png({ width: 2, height: 2, channels: 4, data: new Uint8Array(16) });
    const model = await load(identity("fp32", ["batch", 2, 2, 3]), { background: [10, 20, 30] });
    assert.deepEqual((await run(model, clear)).data.slice(0, 3), [10, 20, 30]);
  });

  it("become gray, from colour and from gray", async () => {
    const model = await load(identity("fp32", ["batch", 2, 2]), { color: "gray" });
    const gray: Pixels = { width: 2, height: 2, channels: 1, data: Uint8Array.of(0, 85, 170, 255) };
    assert.deepEqual(await run(model, await png(gray)), { shape: [1, 2, 2], data: [0, 85, 170, 255] });
    assert.deepEqual((await run(model, await png(stripes(2, 2, [255, 255, 255], [0, 0, 0])))).data, [255, 0, 255, 0]);
    const rgb = await load(identity("fp32", ["batch", 2, 2, 3]), {});
    assert.deepEqual((await run(rgb, await png(gray))).data, [0, 0, 0, 85, 85, 85, 170, 170, 170, 255, 255, 255]);
  });
});

describe("sizes", () => {
  const wide = stripes(12, 4, red, green, blue); // three squares
  const square = identity("fp32", ["batch", 4, 4, 3]);
  const at = (data: number[], x: number, y: number) => data.slice((y * 4 + x) * 3, (y * 4 + x) * 3 + 3);

  it("are cut from the middle, or from where is said", async () => {
    const middle = await run(await load(square, { interpolation: "nearest" }), await png(wide));
    assert.deepEqual(middle.data, Array.from(stripes(4, 4, green).data));
    const right = await run(await load(square, { interpolation: "nearest", position: "right" }), await png(wide));
    assert.deepEqual(right.data, Array.from(stripes(4, 4, blue).data));
  });

  it("are letterboxed", async () => {
    const options = { fit: "contain", background: [1, 2, 3], interpolation: "nearest" } as const;
    const { data } = await run(await load(square, options), await png(stripes(8, 4, red, blue)));
    assert.deepEqual(
      [at(data, 0, 0), at(data, 3, 3), at(data, 0, 1), at(data, 3, 2)],
      [[1, 2, 3], [1, 2, 3], red, blue],
    );
  });

  it("are stretched", async () => {
    const { data } = await run(
      await load(square, { fit: "fill", interpolation: "nearest" }),
      await png(stripes(8, 2, red, blue)),
    );
    assert.deepEqual(data, Array.from(stripes(4, 4, red, blue).data));
  });

  it("are cut after the shorter side was scaled", async () => {
    const model = await load(square, { resizeShorter: 8, interpolation: "nearest" });
    const { data } = await run(model, await png(wide)); // 24 x 8, of which the middle 4 x 4 is green
    assert.deepEqual(data, Array.from(stripes(4, 4, green).data));
    const small = await load(square, { resizeShorter: 2 });
    await assert.rejects(run(small, await png(stripes(4, 4, red))), /resized to 2 x 2, less than the 4 x 4 to cut/);
  });
});

it("an image and named values make one row", async () => {
  const model = await Model.load(imageAndRow(), {
    preprocess: { image: { image: {} }, row: { columns: ["a", { name: "b", oneHot: ["x", "y"] }] } },
  });
  open.push(model);
  const picture = noise(10, 2, 2);
  const rows = [
    { image: await png(picture), a: 5, b: "y" },
    { a: 6, b: "x", image: `data:image/png;base64,${(await png(picture)).toString("base64")}` },
  ];
  const { image_out, row_out } = await model.predict<{ image_out: Tensor; row_out: Tensor }>(rows);
  assert.deepEqual(Array.from(image_out.data as Uint8Array), [...picture.data, ...picture.data]);
  assert.deepEqual(Array.from(row_out.data as Float32Array), [5, 0, 1, 6, 1, 0]);
});

describe("a graph that normalizes pixels itself", () => {
  const [mean, std] = [
    [0.5, 0.4, 0.3],
    [0.2, 0.25, 0.5],
  ] as const;
  const mul = std.map((value) => Math.fround(1 / 255 / value)).join();
  const add = mean.map((value, c) => Math.fround(-value / (std[c] ?? 1))).join();
  const inside = { "input.x.mul": mul, "input.x.add": add };
  const picture = noise(12, 4, 5);

  it("is not loaded where its metadata cannot be read, or the configuration says otherwise", async () => {
    const broken = identity("uint8", ["batch", 5, 4, 3], { "input.x.mul": "0.1,much", "input.x.add": "0" });
    await assert.rejects(load(broken, {}), {
      code: "ERR_LOAD_FAILED",
      message: /'input\.x\.mul' and .* lists of at most 4/,
    });
    const half = identity("uint8", ["batch", 5, 4, 3], { "input.x.mul": "0.1" });
    await assert.rejects(load(half, {}), { code: "ERR_LOAD_FAILED", message: /'input\.x\.add'/ });
    const path = identity("uint8", ["batch", 5, 4, 3], inside);
    await assert.rejects(load(path, { scale: 1 / 255 }), {
      code: "ERR_INVALID_ARGUMENT",
      message: /the scale, mean and std that are in the graph, x \* \[0\.0196.*or none, got x \* \[0\.00392/,
    });
    await assert.rejects(load(path, { scale: 1 / 255, mean: [...mean], std: [0.2, 0.25, 0.4] }), /in the graph/);
  });

  it("gets the pixels, whether the configuration says the same or nothing, in its own order", async () => {
    const same = { scale: 1 / 255, mean: [...mean], std: [...std] };
    for (const [dims, planar] of [
      [["batch", 5, 4, 3], false],
      [["batch", 3, 5, 4], true],
    ] as const)
      for (const options of [same, {}]) {
        const { y } = await (await load(identity("uint8", dims, inside), options)).predict<{ y: Tensor }>(
          await png(picture),
        );
        assert.deepEqual(
          Array.from(y.data as Uint8Array),
          expected(picture, planar, (x) => x),
        );
      }
    // The lists of a configuration are in the order of the tensor, as those of the graph are.
    const turned = await load(identity("uint8", ["batch", 5, 4, 3], inside), { color: "bgr", ...same });
    const { y } = await turned.predict<{ y: Tensor }>(await png(picture));
    const swapped = Array.from(picture.data, (_, at) => picture.data[at - (at % 3) + 2 - (at % 3)]);
    assert.deepEqual(Array.from(y.data as Uint8Array), swapped);
  });
});

describe("a graph with one side fixed and the other open", () => {
  const line = identity("fp32", ["batch", 3, 4, "width"]);
  it("gets images scaled to the fixed side, in their proportions", async () => {
    const model = await load(line, { interpolation: "nearest" });
    const drawn = await run(model, await png(stripes(24, 8, red, green, blue)));
    assert.deepEqual(drawn.shape, [1, 3, 4, 12]);
    assert.deepEqual(
      drawn.data,
      expected(stripes(12, 4, red, green, blue), true, (x) => x),
    );
    assert.deepEqual((await run(model, await png(noise(1, 5, 4)))).shape, [1, 3, 4, 5]);
  });
  it("cuts only the fixed side behind resizeShorter", async () => {
    const model = await load(line, { resizeShorter: 6 });
    assert.deepEqual((await run(model, await png(noise(1, 24, 12)))).shape, [1, 3, 4, 12]);
  });
  it("counts the pixels after scaling", async () => {
    const model = await load(line, { maxPixels: 1000 });
    await assert.rejects(run(model, await png(noise(1, 900, 1))), { code: "ERR_LIMIT_EXCEEDED" });
  });
  it("takes the width and height that are named", async () => {
    const model = await load(line, { width: 7, height: 4 });
    assert.deepEqual((await run(model, await png(noise(1, 24, 8)))).shape, [1, 3, 4, 7]);
    const any = await load(identity("fp32", ["batch", "h", "w", 3]), { width: 7, height: 4 });
    assert.deepEqual((await run(any, await png(noise(1, 24, 8)))).shape, [1, 4, 7, 3]);
  });
  it("says so where padTo does not fit the fixed side", async () => {
    const model = await load(line, { padTo: 3 });
    await assert.rejects(run(model, await png(noise(1, 8, 4))), /expected any x 4 pixels of 3 channels.*got 9 x 6/);
  });
});
