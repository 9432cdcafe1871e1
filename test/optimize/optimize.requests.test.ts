// SPDX-License-Identifier: Apache-2.0
// Calibration data as clients send them: what does not fit is told with file and line, and what fits becomes what the graph is fed.
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { basename, dirname } from "node:path";
import { after, describe, it } from "node:test";
import { requestForm } from "../../src/cli/request-form.js";
import { loadSamples } from "../../src/optimize/data/load-samples.js";
import { requestLoaders } from "../../src/optimize/data/request-loaders.js";
import { type RequestForm, RequestReader } from "../../src/optimize/data/request-reader.js";
import type { Samples } from "../../src/optimize/data/samples.js";
import { quantizeModel } from "../../src/optimize/quantize/quantize.js";
import { Workbench } from "../../src/optimize/run/workbench.js";
import { Model } from "../../src/runtime/model.js";
import type { Tensor } from "../../src/runtime/tensor.js";
import { modelPath } from "../models/make.mjs";
import { heldOutDigits, pixelsPerDigit } from "../samples/held-out-digits.js";
import { identity, imageAndRow, pruned } from "../transform/models.js";
import { image, noise, png } from "../transform/pictures.js";
import { draftPath, networks, writeDraft } from "./model-files.js";

const bench = new Workbench();
const readers: RequestReader[] = [];
after(async () => {
  for (const reader of readers) await reader.close();
  bench.close();
});

function load(model: string, path: string, form: RequestForm = {}): Promise<Samples> {
  const reader = new RequestReader(bench, model, form);
  readers.push(reader);
  return loadSamples(path, [], requestLoaders(reader));
}

const lines = (name: string, ...texts: string[]) => writeDraft(name, Buffer.from(texts.join("\n")));
const invalid = (message: RegExp) => ({ code: "ERR_INVALID_INPUT", message });

async function tensorsOf(samples: Samples): Promise<Record<string, [readonly number[], unknown[]]>[]> {
  const all: Record<string, [readonly number[], unknown[]]>[] = [];
  for (let i = 0; i < samples.count; i++) {
    const inputs = (await samples.inputs(i)) as Record<string, Tensor>;
    all.push(Object.fromEntries(Object.entries(inputs).map(([name, { shape, data }]) => [name, [shape, [...data]]])));
  }
  return all;
}

const rows = identity("fp32", ["batch", 2]);
const pixels = identity("fp32", ["batch", 3, 4, 5]);
const people = {
  preprocess: {
    x: {
      columns: [
        { name: "age", mean: 40, std: 10 },
        { name: "label", default: 7 },
      ],
    },
  },
};

describe("images to calibrate on are refused", () => {
  const photo = async (name: string) => writeDraft(name, await png(noise(1, 5, 4)));

  it("where nothing says how they become the input, with what to write", async () => {
    const source = "models/pixels/config.yaml";
    await assert.rejects(load(pixels, await photo("lone.png"), { source }), {
      code: "ERR_INVALID_ARGUMENT",
      message:
        /lone\.png is an image.*write, for example, preprocess: \{ "x": \{ image: .* into models\/pixels\/config\.yaml$/,
    });
    await assert.rejects(load(pixels, await photo("lone.png")), /into a config\.yaml and name it with --config/);
  });

  it("where the configuration does not fit the model, with its name", async () => {
    const form = { source: "wrong.yaml", preprocess: { y: { image: {} } } };
    await assert.rejects(load(pixels, await photo("lone.png"), form), /^OrtserveError: wrong\.yaml: .*'y'/);
  });

  it("where they are broken, or none, by name", async () => {
    mkdirSync(draftPath("broken/deep"), { recursive: true });
    const whole = await png(noise(2, 50, 40));
    writeFileSync(draftPath("broken/deep/half.png"), whole.subarray(0, 300));
    writeFileSync(draftPath("broken/text.jpg"), "a letter");
    const samples = await load(pixels, draftPath("broken"), { preprocess: { x: { image: {} } } });
    await assert.rejects(samples.inputs(0), invalid(/deep\/half\.png: cannot decode the PNG image of 300 bytes/));
    await assert.rejects(
      samples.inputs(1),
      invalid(/text\.jpg: expected an image .*, got 8 bytes that begin with 61 20/),
    );
  });

  it("where other inputs must come, too", async () => {
    const form = { preprocess: { image: { image: {} } } };
    const samples = await load(imageAndRow(), await photo("lone.png"), form);
    await assert.rejects(samples.inputs(0), invalid(/lone\.png: .*has several inputs/));
  });
});

describe("images to calibrate on", () => {
  it("become what the configuration says, planes of normalized values here", async () => {
    const picture = noise(3, 5, 4);
    const [mean, std] = [
      [0.5, 0.4, 0.3],
      [0.2, 0.25, 0.5],
    ] as const;
    const form = { preprocess: { x: { image: { scale: 1 / 255, mean, std } } } };
    const samples = await load(pixels, writeDraft("exact.png", await png(picture)), form);
    const expected = [0, 1, 2].flatMap((channel) => {
      const [mul, add] = [
        Math.fround(1 / 255 / (std[channel] ?? 1)),
        Math.fround(-(mean[channel] ?? 0) / (std[channel] ?? 1)),
      ];
      return Array.from({ length: 20 }, (_, at) =>
        Math.fround(Math.fround((picture.data[3 * at + channel] ?? 0) * mul) + add),
      );
    });
    assert.deepEqual(await tensorsOf(samples), [{ x: [[1, 3, 4, 5], expected] }]);
  });

  it("may be of any format, in directories, of any size: the model's own preprocess runs", async () => {
    mkdirSync(draftPath("photos/b"), { recursive: true });
    const pictures = {
      "a.jpg": await image(noise(4, 9, 7))
        .jpeg()
        .toBuffer(),
      "b/one.webp": await image(noise(5, 5, 4))
        .webp()
        .toBuffer(),
      "b/two.AVIF": await image(noise(6, 16, 16))
        .avif()
        .toBuffer(),
      "c.jpeg": await image(noise(7, 4, 5))
        .jpeg()
        .toBuffer(),
    };
    for (const [name, bytes] of Object.entries(pictures)) writeFileSync(draftPath(`photos/${name}`), bytes);
    writeFileSync(draftPath("photos/.hidden.png"), "unfinished");
    const preprocess = { x: { image: { scale: 1 / 255, fit: "contain" } } } as const;
    const samples = await load(pixels, draftPath("photos"), { preprocess });
    const served = await Model.load(pixels, { preprocess });
    const expected: unknown[] = [];
    for (const bytes of Object.values(pictures)) {
      const { y } = await served.predict<{ y: Tensor }>({ x: bytes });
      expected.push({ x: [y.shape, [...y.data]] });
    }
    await served.close();
    assert.deepEqual(await tensorsOf(samples), expected);
  });

  it("fit a model without a batch dimension", async () => {
    const still = identity("uint8", [4, 5, 3]);
    const picture = noise(8, 5, 4);
    const samples = await load(still, writeDraft("still.png", await png(picture)), {
      preprocess: { x: { image: {} } },
    });
    assert.deepEqual(await tensorsOf(samples), [{ x: [[4, 5, 3], [...picture.data]] }]);
  });

  it("quantize the sample model by its own configuration, judged by the directories' names", async () => {
    const { pixels: values, labels } = heldOutDigits();
    for (let i = 0; i < 40; i++) {
      const at = Math.floor((i * labels.length) / 40);
      const data = Uint8Array.from({ length: pixelsPerDigit }, (_, p) =>
        Math.round(255 * (values[at * pixelsPerDigit + p] ?? 0)),
      );
      mkdirSync(draftPath(`digits/${labels[at]}`), { recursive: true });
      const bytes = await png({ width: 28, height: 28, channels: 1, data });
      writeFileSync(draftPath(`digits/${labels[at]}/${i}.png`), bytes);
    }
    const requests = await requestForm(networks.digits);
    const output = draftPath("from-images.onnx");
    const options = { model: networks.digits, output, calibration: draftPath("digits"), requests, minSpeedup: 0 };
    const { report, missed } = await quantizeModel(options);
    assert.deepEqual(missed, []);
    assert.deepEqual([report.quality.dropOf, report.quality.samples], ["accuracy", 10]);
    assert.equal(report.quality.accuracy?.before, 1);
    assert.ok(report.quality.sqnr > 25, `${report.quality.sqnr}`);
  });
});

describe("a model's configuration", () => {
  it("is that of its directory in a repository, or the one that is named", async () => {
    const found = await requestForm(networks.digits);
    assert.deepEqual([basename(dirname(found.source ?? "")), found.labels?.length], ["digits", 10]);
    assert.deepEqual(Object.keys(found.preprocess ?? {}), ["image"]);
    assert.deepEqual(await requestForm(rows), {});
    const named = writeDraft("other.yaml", Buffer.from("features: [a, b]"));
    assert.deepEqual(await requestForm(networks.digits, named), { source: named, features: { "": ["a", "b"] } });
    const wrong = writeDraft("wrong.yaml", Buffer.from("preproces: {}"));
    const told = { code: "ERR_INVALID_CONFIG", message: /wrong\.yaml: unknown key 'preproces'/ };
    await assert.rejects(requestForm(networks.digits, wrong), told);
    await assert.rejects(requestForm(rows, draftPath("none.yaml")), /none\.yaml: there is no such file/);
  });
});

describe("JSON lines that do not fit", () => {
  it("are told when they are read, with file and line", async () => {
    const refused = async (message: RegExp, ...texts: string[]) =>
      assert.rejects(load(rows, lines("refused.jsonl", ...texts)), invalid(message));
    await refused(/refused\.jsonl, line 2: expected one JSON value, got \{oops/, '{"instances": [[1, 2]]}', "{oops");
    await refused(/line 3: expected one JSON value/, "[1, 2]", "", '{"x": [1, 2]} trailing');
    await refused(/line 1: expected an array of rows as 'instances', got 5/, '{"instances": 5}');
    await refused(/line 1: unexpected key 'input' beside 'instances'/, '{"instances": [[1, 2]], "input": 1}');
    await refused(
      /line 1: unexpected key 'instances' beside|unexpected key 'inputs' beside/,
      '{"instances": [], "inputs": 1}',
    );
    await refused(/line 1: duplicate key 'x'/, '{"x": [1, 2], "x": [1, 2]}');
    await refused(
      /line 1: expected as many labels as instances, 1, got 2/,
      '{"instances": [[1, 2]], "labels": [0, 1]}',
    );
    await refused(/line 1: expected the index of a class as label, got "cat"/, '{"x": [1, 2], "label": "cat"}');
    await refused(/holds no sample/, "", " ");
  });

  it("are told when they are wanted, with what was expected and what came", async () => {
    const refused = async (message: RegExp, text: string, form: RequestForm = {}) => {
      const samples = await load(rows, lines("unfit.jsonl", "[1, 2]", text), form);
      await assert.rejects(samples.inputs(samples.count - 1), invalid(message));
    };
    await refused(/unfit\.jsonl, line 2: expected FP32 \[-1,2\] for input 'x', got FP32 \[1,3\]/, "[1, 2, 3]");
    await refused(/line 2, instance 2: .*expected FP32 .* got the string "b"/, '{"instances": [[1, 2], [1, "b"]]}');
    await refused(/line 2: .*unexpected name 'z' for model/, '{"z": [1, 2]}');
    await refused(/line 2: missing feature 'age'/, '{"label": 3}', people);
    await refused(/line 2: expected a finite number for feature 'age', got the string "old"/, '{"age": "old"}', people);
  });
});

describe("JSON lines", () => {
  it("have every form of /predict", async () => {
    const text = [
      '{"id": "7", "instances": [[1, 2], [3, 4]], "labels": [0, 1]}',
      '{"instances": [{"x": [5, 6]}], "label": 2}',
      '{"inputs": {"x": [[7, 8], [9, 10]]}, "outputs": ["y"]}',
      '{"inputs": [[11, 12]], "label": 4}',
      '{"x": [13, 14], "label": 5}',
      "[15, NaN]",
    ];
    const samples = await load(rows, lines("forms.jsonl", ...text));
    const one = (...values: number[]) => ({ x: [[values.length / 2, 2], values] });
    const expected = [one(1, 2), one(3, 4), one(5, 6), one(7, 8, 9, 10), one(11, 12), one(13, 14), one(15, Number.NaN)];
    assert.deepEqual(await tensorsOf(samples), expected);
    const labels = expected.map((_, i) => samples.label(i));
    assert.deepEqual(labels, [0, 1, 2, undefined, 4, 5, undefined]);
  });

  it("may be one request with line breaks, and classes may be named", async () => {
    const text = JSON.stringify(
      {
        instances: [
          [1, 2],
          [3, 4],
        ],
        labels: ["dog", "cat"],
      },
      null,
      2,
    );
    const samples = await load(rows, lines("pretty.json", text), { labels: ["cat", "dog"] });
    assert.deepEqual([samples.count, samples.label(0), samples.label(1)], [2, 1, 0]);
  });

  it("name columns of preprocess, one of them called label, and features", async () => {
    const named = await load(
      rows,
      lines("people.jsonl", '{"age": 50}', '{"instances": [{"age": 20, "label": 1}], "label": 3}'),
      people,
    );
    assert.deepEqual(await tensorsOf(named), [
      {
        x: [
          [1, 2],
          [1, 7],
        ],
      },
      {
        x: [
          [1, 2],
          [-2, 1],
        ],
      },
    ]);
    assert.deepEqual([named.label(0), named.label(1)], [undefined, 3]);
    const columns = await load(rows, lines("columns.jsonl", '{"inputs": {"age": [50, 30], "label": [1, 2]}}'), people);
    assert.deepEqual(await tensorsOf(columns), [
      {
        x: [
          [2, 2],
          [1, 1, -1, 2],
        ],
      },
    ]);
    const features = await load(rows, lines("features.jsonl", '{"b": 2, "a": 1}'), { features: { "": ["a", "b"] } });
    assert.deepEqual(await tensorsOf(features), [
      {
        x: [
          [1, 2],
          [1, 2],
        ],
      },
    ]);
  });

  it("hold images in base64", async () => {
    const picture = noise(9, 5, 4);
    const base64 = (await png(picture)).toString("base64");
    const texts = [`{"instances": [{"x": {"b64": "${base64}"}}]}`, `{"x": "data:image/png;base64,${base64}"}`];
    const flat = identity("uint8", ["batch", 4, 5, 3]);
    const samples = await load(flat, lines("base64.jsonl", ...texts), { preprocess: { x: { image: {} } } });
    const expected = { x: [[1, 4, 5, 3], [...picture.data]] };
    assert.deepEqual(await tensorsOf(samples), [expected, expected]);
  });

  it("keep 64 bits, optional inputs, and rows of a pruned model as callers send them", async () => {
    const integers = await load(modelPath("ident_int64"), lines("long.jsonl", "9007199254740993"));
    assert.deepEqual(Object.values((await tensorsOf(integers))[0] ?? {})[0]?.[1], [9007199254740993n]);
    const optional = await load(modelPath("optional_input"), lines("optional.jsonl", '{"x": [[1, 2, 3, 4]]}'));
    const given = [
      [1, 4],
      [1, 2, 3, 4],
    ];
    assert.deepEqual(await tensorsOf(optional), [{ x: given, scale: [[1], [2]] }]);
    const live = pruned("live_rows", { "input.x.width": "6", "input.x.live": "0,2-3" });
    const whole = await load(live, lines("whole.jsonl", "[1, 2, 3, 4, 5, 6]"));
    assert.deepEqual(await tensorsOf(whole), [
      {
        x: [
          [1, 3],
          [1, 3, 4],
        ],
      },
    ]);
  });
});
