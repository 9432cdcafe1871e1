// SPDX-License-Identifier: Apache-2.0
// `ortserve predict`: what it reads, what it prints, and how it fails.
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { identity } from "../transform/models.js";
import { noise, png } from "../transform/pictures.js";
import { runCli } from "./serve-process.js";

const root = mkdtempSync(join(tmpdir(), "ortserve-predict-"));
after(() => rmSync(root, { recursive: true, force: true }));
const at = (...names: string[]) => join(root, ...names);
const picture = noise(1, 2, 2);

function addModel(name: string, path: string, config: string): void {
  mkdirSync(at("models", name, "1"), { recursive: true });
  symlinkSync(path, at("models", name, "1", "model.onnx"));
  writeFileSync(at("models", name, "config.yaml"), config);
}

function npy(header: string, data: Buffer, version = 1): Buffer {
  const text = `${header}${" ".repeat(63 - ((10 + header.length) % 64))}\n`;
  const start = Buffer.from("\x93NUMPY\x01\x00\x00\x00", "latin1");
  start[6] = version;
  start.writeUInt16LE(text.length, 8);
  return Buffer.concat([start, Buffer.from(text), data]);
}

before(async () => {
  addModel("picture", identity("fp32", ["batch", 2, 2, 3]), "preprocess: {x: {image: {}}}\n");
  addModel(
    "people",
    identity("fp32", ["batch", 3]),
    "preprocess: {x: {columns: [age, {name: city, one_hot: [Oslo, Rome]}]}}\n",
  );
  writeFileSync(at("picture.png"), await png(picture));
  writeFileSync(at("rows.json"), JSON.stringify({ instances: [{ age: 1, city: "Rome" }] }));
  const floats = Buffer.from(Float32Array.of(1, NaN, 0.1, 4, 5, 6).buffer);
  writeFileSync(at("x.npy"), npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", floats));
  writeFileSync(at("short.npy"), npy("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 3), }", floats));
  writeFileSync(at("turned.npy"), npy("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }", floats));
});

describe("a wrong use ends with a message and 2, a failed prediction with 1", () => {
  const cases: [string, () => string[], number, RegExp][] = [
    ["no input", () => [at("models", "people")], 2, /missing required argument 'input'/],
    [
      "a repository of several models",
      () => [at("models"), "{}"],
      2,
      /expected --model to be one of people, picture, got none/,
    ],
    ["a file that is not there", () => [at("models", "people"), "none.json"], 2, /cannot read none\.json: ENOENT/],
    [
      "a version that is not there",
      () => [at("models", "people"), "{}", "--model-version", "3"],
      1,
      /has the versions 1, and not 3/,
    ],
    [
      "a name among other inputs",
      () => [at("models", "people"), "age=1", "{}"],
      2,
      /expected NAME=VALUE as the other inputs are, got '\{\}'/,
    ],
    [
      "a missing column",
      () => [at("models", "people"), "city=Rome"],
      1,
      /missing feature 'age' of input 'x', which has no default/,
    ],
    [
      "a file for a model that takes none",
      () => [at("models", "people"), at("picture.png")],
      1,
      /model 'people' takes no files/,
    ],
    [
      "half a .npy file",
      () => [at("models", "people"), at("short.npy")],
      1,
      /short\.npy: the file ends before its array \[3,3\]/,
    ],
    ["columns first", () => [at("models", "people"), at("turned.npy")], 1, /expected C order/],
  ];
  for (const [what, words, code, message] of cases) {
    it(what, async () => {
      const ended = await runCli("predict", ...words());
      assert.match(ended.stderr, message);
      assert.deepEqual([ended.code, ended.stdout], [code, ""]);
    });
  }
});

describe("an answer is a line of JSON", () => {
  async function predictions(...words: string[]): Promise<unknown[]> {
    const { code, stdout, stderr } = await runCli("predict", ...words);
    assert.equal(code ?? 0, 0, stderr);
    return stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line.replaceAll("NaN", '"NaN"')).predictions);
  }
  const [a, b, c, d] = [0, 3, 6, 9].map((start) => Array.from(picture.data.subarray(start, start + 3)));

  it("for an image", async () => {
    assert.deepEqual(await predictions(at("models", "picture"), at("picture.png")), [
      [
        [
          [a, b],
          [c, d],
        ],
      ],
    ]);
  });
  it("for an image by name, in a repository", async () => {
    assert.deepEqual(await predictions(at("models"), "--model", "picture", `x=${at("picture.png")}`), [
      [
        [
          [a, b],
          [c, d],
        ],
      ],
    ]);
  });
  it("for JSON text, a JSON file and rows, one line each", async () => {
    const inputs = ['{"age": 2, "city": "Oslo"}', at("rows.json"), '[[7, "Rome"]]'];
    assert.deepEqual(await predictions(at("models", "people"), ...inputs), [[[2, 1, 0]], [[1, 0, 1]], [[7, 0, 1]]]);
  });
  it("for named values", async () => {
    assert.deepEqual(await predictions(at("models", "people"), "age=41.5", "city=Rome"), [[[41.5, 0, 1]]]);
  });
  it("for an array by name", async () => {
    assert.deepEqual(await predictions(at("models", "people"), `x=${at("x.npy")}`), [
      [
        [1, "NaN", 0.1],
        [4, 5, 6],
      ],
    ]);
  });
});
