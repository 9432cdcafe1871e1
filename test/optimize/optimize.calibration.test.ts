// SPDX-License-Identifier: Apache-2.0
// Calibration: data that do not fit are told, histograms are exact whatever the order, memory does not grow with the samples.
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { describe, it } from "node:test";
import fc from "fast-check";
import { GraphBuilder, reproducibleNumbers } from "../../bench/models/graph.js";
import { loadSamples } from "../../src/optimize/data/load-samples.js";
import { type Samples, splitSamples } from "../../src/optimize/data/samples.js";
import { uint8 } from "../../src/optimize/quantize/arithmetic.js";
import { calibrate } from "../../src/optimize/quantize/calibrate.js";
import { paramsOf } from "../../src/optimize/quantize/range.js";
import { normalizedModel } from "../../src/optimize/run/normalize.js";
import { Workbench } from "../../src/optimize/run/workbench.js";
import { Histogram } from "../../src/runtime/histogram.js";
import { Tensor } from "../../src/runtime/tensor.js";
import { draftPath, writeDraft } from "./model-files.js";
import { npy, npz } from "./sample-files.js";

const spec = (name: string, datatype: string, shape: number[]) => {
  const dimNames = shape.map(() => "");
  return { name, datatype, shape, dimNames, optional: false, kind: "tensor", features: [] } as const;
};
const image = [spec("image", "FP32", [-1, 2, 2])];
const two = [spec("a", "FP32", [-1, 3]), spec("ids", "INT64", [-1, -1])];
const values = (count: number) => Float32Array.from({ length: count }, (_, i) => i);
const load = (name: string, bytes: Uint8Array | string, specs: Parameters<typeof loadSamples>[1] = image) =>
  loadSamples(writeDraft(name, Buffer.from(bytes)), specs);

describe("calibration data that do not fit", () => {
  const invalid = (message: RegExp) => ({ code: "ERR_INVALID_INPUT", message });
  const wrongUse = (message: RegExp) => ({ code: "ERR_INVALID_ARGUMENT", message });

  it("are told by what is wrong with them", async () => {
    await assert.rejects(loadSamples(draftPath("none.npy"), image), wrongUse(/cannot read the calibration data/));
    await assert.rejects(load("photo.heic", "x"), wrongUse(/of kind '\.heic'.*known: \.npy, \.npz/));
    await assert.rejects(load("a.npy", "no array at all"), invalid(/expected a NumPy array/));
    await assert.rejects(load("b.npy", npy([2, 2, 2], values(4))), invalid(/ends before its array \[2,2,2\]/));
    await assert.rejects(
      load("c.npy", npy([2, 3, 2], values(12))),
      invalid(/FP32 \[-1,2,2\] for input 'image', got \[2,3,2\]/),
    );
    await assert.rejects(
      load("d.npy", npy([1, 2, 2], Int32Array.of(1, 2, 3, 4))),
      invalid(/expected FP32 .* got INT32/),
    );
    await assert.rejects(load("e.npy", npy([1, 2, 2], values(4), { order: "True" })), invalid(/C order/));
    await assert.rejects(load("f.npy", npy([1, 2, 2], values(4), { code: ">f4" })), invalid(/type '>f4'/));
    await assert.rejects(
      load("g.npy", npy([1, 3], values(3)), two),
      invalid(/fits a model with one input, this one has 2/),
    );
    await assert.rejects(load("h.npz", "PK nothing", two), invalid(/zip archive .* no directory/));
    await assert.rejects(load("i.npz", npz({ a: npy([1, 3], values(3)) }), two), invalid(/no array for input 'ids'/));
    await assert.rejects(
      load("j.npz", npz({ b: npy([1, 3], values(3)) }), two),
      invalid(/'b' is no input; the model takes a, ids/),
    );
    const ids = npy(
      [2, 4],
      BigInt64Array.from({ length: 8 }, () => 1n),
    );
    await assert.rejects(load("k.npz", npz({ a: npy([1, 3], values(3)), ids }), two), invalid(/have 1, 2 samples/));
    await assert.rejects(load("l.npy", npy([0, 2, 2], values(0))), invalid(/holds no sample/));
  });

  it("are told of an archive whose directory is damaged, wherever that is", async () => {
    const whole = npz({ image: npy([1, 2, 2], values(4)) });
    const entry = whole.indexOf("PK\x01\x02", 0, "latin1");
    const changed = (size: 16 | 32, at: number, value: number) => {
      const bytes = Buffer.from(whole);
      if (size === 16) bytes.writeUInt16LE(value, entry + at);
      else bytes.writeUInt32LE(value, entry + at);
      return bytes;
    };
    for (const [name, bytes] of [
      ["sizes that stand nowhere", Buffer.from(changed(32, 20, 0xffffffff).fill(0xff, entry + 24, entry + 28))],
      ["an unpacked size that stands nowhere", changed(32, 24, 0xffffffff)],
      ["an offset that stands nowhere", changed(32, 42, 0xffffffff)],
      ["an offset beyond the file", changed(32, 42, 0xfffffff0)],
      ["a size beyond the file", changed(32, 20, 0xfffffff0)],
      ["a name beyond the file", changed(16, 28, 0xffff)],
      ["an extra field beyond the file", changed(16, 30, 0xffff)],
    ] as const) {
      const message = /damaged\.npz: expected a zip archive as numpy\.savez writes it, found a broken entry '/;
      await assert.rejects(load("damaged.npz", bytes), invalid(message), name);
    }
    // One byte that is wrong may go unnoticed, but never ends in anything but an error of ours.
    for (let at = entry; at < whole.length; at++) {
      for (const value of [0x00, 0x7f, 0xff]) {
        const bytes = Buffer.from(whole);
        bytes[at] = value;
        const error = await load("byte.npz", bytes).then(
          () => undefined,
          (failure: { code?: string }) => failure,
        );
        if (error) assert.equal(error.code, "ERR_INVALID_INPUT", `${at}: ${value}: ${error}`);
      }
    }
  });

  it("are told with the tensor and the sample when a value is no number", async () => {
    const bench = new Workbench();
    try {
      const model = await normalizedModel(
        bench,
        writeDraft("nan.onnx", new GraphBuilder(1).dense(4, 4).relu().finish([4], 4)),
      );
      const rows = [
        [1, 2, 3, 4],
        [1, Number.NaN, 3, 4],
      ];
      const inputs = async (i: number) => ({ x: new Tensor("FP32", Float32Array.from(rows[i] ?? []), [1, 4]) });
      const samples = { count: 2, inputs, label: () => undefined };
      await assert.rejects(calibrate(bench, model, ["x"], samples), {
        code: "ERR_RUN_FAILED",
        message: /sample 1, tensor 'x': the value NaN came up at element 1/,
      });
    } finally {
      bench.close();
    }
  });
});

describe("calibration data", () => {
  const first = async (samples: Samples, index = 0) => (await samples.inputs(index)) as Record<string, Tensor>;

  it("come from .npy, row by row, also when NumPy made them FP64", async () => {
    for (const data of [values(12), Float64Array.from(values(12))]) {
      const samples = await load(`rows-${data.BYTES_PER_ELEMENT}.npy`, npy([3, 2, 2], data));
      assert.equal(samples.count, 3);
      const { image: row } = await first(samples, 1);
      assert.deepEqual(row, new Tensor("FP32", Float32Array.of(4, 5, 6, 7), [1, 2, 2]));
    }
  });

  for (const compress of [false, true])
    it(`come from .npz with labels, ${compress ? "compressed" : "stored"}`, async () => {
      const ids = npy(
        [2, 5],
        BigInt64Array.from({ length: 10 }, (_, i) => BigInt(i)),
      );
      const labels = npy([2], Int32Array.of(7, 8));
      const samples = await load(`two-${compress}.npz`, npz({ a: npy([2, 3], values(6)), ids, labels }, compress), two);
      const inputs = await first(samples, 1);
      assert.deepEqual(
        [inputs.a?.shape, [...(inputs.a?.data ?? [])]],
        [
          [1, 3],
          [3, 4, 5],
        ],
      );
      assert.deepEqual([...(inputs.ids?.data ?? [])], [5n, 6n, 7n, 8n, 9n]);
      assert.deepEqual([samples.label(0), samples.label(1)], [7, 8]);
    });

  it("come from a directory, in order of the names", async () => {
    mkdirSync(draftPath("many"));
    for (const [name, start] of [
      ["b", 4],
      ["a", 0],
    ] as const)
      writeFileSync(draftPath(`many/${name}.npy`), npy([1, 2, 2], values(8).slice(start, start + 4)));
    const samples = await loadSamples(draftPath("many"), image);
    assert.deepEqual([...((await first(samples, 1)).image?.data ?? [])], [4, 5, 6, 7]);
  });

  it("are split so that none is both calibrated on and judged by", async () => {
    const samples = await load("split.npy", npy([40, 2, 2], values(160)));
    const { calibration, heldOut } = splitSamples(samples, 20);
    const seen = async (part: Samples) =>
      Promise.all(Array.from({ length: part.count }, async (_, i) => (await first(part, i)).image?.data[0]));
    const [a, b] = [await seen(calibration), await seen(heldOut)];
    assert.deepEqual([a.length, b.length], [15, 5]);
    assert.equal(new Set([...a, ...b]).size, 20);
  });
});

describe("a histogram", () => {
  it("counts every value, and is the same in any order", () => {
    fc.assert(
      fc.property(
        fc.array(fc.float({ noNaN: true, noDefaultInfinity: true, min: -1e6, max: 1e6 }), { minLength: 1 }),
        (list) => {
          const [forward, backward] = [new Histogram(), new Histogram()];
          for (const value of list) forward.add(Float32Array.of(value));
          backward.add(Float32Array.from(list).reverse());
          const seen = forward.read();
          assert.deepEqual(seen, backward.read());
          assert.deepEqual([seen.min, seen.max], [Math.min(...list) + 0, Math.max(...list) + 0]);
          const sum = seen.counts.reduce((a, b) => a + b, 0);
          assert.deepEqual([seen.total, sum], [list.length, list.length]);
        },
      ),
    );
  });

  it("clips a rare outlier where that loses less, and keeps a range without one", () => {
    const bulk = reproducibleNumbers(1, 100_000);
    const histogram = new Histogram();
    for (let i = 0; i < 10; i++) histogram.add(bulk);
    const scales = () => {
      const range = { type: uint8, symmetric: false } as const;
      const [seen, best] = (["minmax", "mse"] as const).map(
        (method) => paramsOf(histogram.read(), { ...range, method }).scale,
      );
      return (best as number) / (seen as number);
    };
    assert.equal(scales(), 1);
    histogram.add(Float32Array.of(-8, 8));
    assert.ok(scales() < 0.5, `${scales()}`);
  });
});

describe("calibration over many samples", () => {
  it("sees each tensor in each sample, in groups as small as the budget asks", async () => {
    const bench = new Workbench();
    try {
      const bytes = new GraphBuilder(2).conv(3, 8, 1).relu().conv(8, 8, 1).relu().channelMeans().finish([3, 16, 16], 8);
      const model = await normalizedModel(bench, writeDraft("many.onnx", bytes));
      const made = (model.proto.graph?.node ?? []).map(({ output }) => output[0] ?? "");
      const shape = [1, 3, 16, 16];
      const inputs = async (i: number) => ({ x: new Tensor("FP32", reproducibleNumbers(i, 768, i + 1), shape) });
      const samples = { count: 6, inputs, label: () => undefined };
      const whole = await calibrate(bench, model, ["x", ...made], samples);
      const small = await calibrate(bench, model, ["x", ...made], samples, { budgetBytes: 1 });
      assert.equal(whole.get("x")?.total, 6 * 768);
      for (const [name, histogram] of whole) {
        assert.equal(histogram.total, small.get(name)?.total, name);
        assert.deepEqual([histogram.min, histogram.max], [small.get(name)?.min, small.get(name)?.max], name);
      }
    } finally {
      bench.close();
    }
  });
});
