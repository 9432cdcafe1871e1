// SPDX-License-Identifier: Apache-2.0
// The sample models and their sample requests agree, as onnxruntime-node alone sees them. No code of ortserve runs here.
import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { floats, reference, referenceSession } from "../reference.js";
import { assertClose } from "./close.js";
import { argmax, heldOutDigits, pixelsPerDigit, readJson, samplesDirectory } from "./held-out-digits.js";
import { withoutZipmap } from "./without-zipmap.js";

const file = (name: string) => new URL(name, samplesDirectory);
const digits = fileURLToPath(file("digits/1/model.onnx"));

interface Reply {
  model: string;
  version: string;
  predictions: unknown[];
}

test("each sample has its files, and they are small", () => {
  const samples = readdirSync(samplesDirectory, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  assert.deepEqual(samples.map(({ name }) => name).sort(), ["digits", "iris"]);
  for (const { name } of samples) {
    for (const part of ["config.yaml", "request.json", "reply.json", "train.py"]) statSync(file(`${name}/${part}`));
    assert.equal((readJson(file(`${name}/reply.json`)) as Reply).model, name);
  }
  assert.ok(statSync(file("digits/1/model.onnx")).size <= 1 << 20);
  assert.ok(statSync(file("iris/1/model.onnx")).size <= 100 << 10);
});

test("digits: request.json gives reply.json", async () => {
  const { instances } = readJson(file("digits/request.json")) as { instances: number[][][][] };
  const reply = readJson(file("digits/reply.json")) as Reply;
  const { probabilities } = await reference(digits, {
    image: floats([instances.length, 28, 28, 1], instances.flat(3)),
  });
  assertClose(Array.from(probabilities?.data as Float32Array), (reply.predictions as number[][]).flat());
  assert.deepEqual(argmax((reply.predictions as number[][]).flat(), 10), [3, 7]);
});

test("digits: at least 98 % of the 2,000 held-out digits are right", async () => {
  const { pixels, labels } = heldOutDigits();
  assert.equal(labels.length, 2000);
  assert.equal(pixels.length, 2000 * pixelsPerDigit);
  const { probabilities } = await reference(digits, { image: floats([labels.length, 28, 28, 1], pixels) });
  const guesses = argmax(probabilities?.data as Float32Array, 10);
  const right = labels.filter((label, at) => guesses[at] === label).length;
  assert.ok(right / labels.length >= 0.98, `${right} of ${labels.length} are right`);
});

test("digits: labels.txt names one class per score", () => {
  const names = readFileSync(file("digits/labels.txt"), "utf8").trim().split("\n");
  assert.deepEqual(names, ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
});

test("iris: the last node is the ZipMap that scikit-learn exports by default", async () => {
  const session = await referenceSession(fileURLToPath(file("iris/1/model.onnx")));
  assert.deepEqual(
    session.outputMetadata.map(({ name, isTensor }) => [name, isTensor]),
    [
      ["label", true],
      ["probabilities", false],
    ],
  );
});

test("iris: request.json, columns as in config.yaml, gives reply.json", async () => {
  const names = /features: \[(.*)\]/.exec(readFileSync(file("iris/config.yaml"), "utf8"))?.[1]?.split(", ") ?? [];
  const request = readJson(file("iris/request.json")) as Record<string, number>;
  assert.deepEqual(Object.keys(request), names);
  const [expected] = (readJson(file("iris/reply.json")) as Reply).predictions as [
    { label: string; probabilities: Record<string, number> },
  ];
  const { path, keys } = withoutZipmap(file("iris/1/model.onnx"));
  const row = names.map((name) => request[name] as number);
  const { label, probabilities } = await reference(path, { features: floats([1, 4], row) });
  assert.deepEqual(label?.data, [expected.label]);
  assert.deepEqual(keys.get("probabilities"), Object.keys(expected.probabilities));
  assertClose(Array.from(probabilities?.data as Float32Array), Object.values(expected.probabilities));
});
