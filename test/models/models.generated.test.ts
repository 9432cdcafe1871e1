// SPDX-License-Identifier: Apache-2.0
// The committed model files are what their scripts make, and each does what the README of this folder says.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { floats, reference, referenceSession, tensor } from "../reference.js";
import { committedFiles } from "./graphs.mjs";
import { modelPath, modelsDirectory } from "./make.mjs";
import { generatedModels } from "./networks.mjs";

const rows = floats([2, 4], [1, 2, 3, 4, -5, 6, -7, 8]);
const list = (data: unknown) => Array.from(data as ArrayLike<number>);

test("a name without a model is refused", () => {
  assert.throws(() => modelPath("absent"), /no test model 'absent'/);
});

for (const name of ["corrupt", "truncated", "empty"])
  test(`${name} does not load`, async () => {
    await assert.rejects(referenceSession(modelPath(name)));
  });

test("failing fails on an index outside its table, and only then", async () => {
  const path = modelPath("failing");
  const { y } = await reference(path, { index: tensor("int64", [3, 1], [0n, 3n, -4n]) });
  assert.deepEqual(list(y?.data), [10, 40, 10]);
  await assert.rejects(reference(path, { index: tensor("int64", [3, 1], [0n, 4n, 1n]) }), /out of data bounds/);
});

test("the committed files are what the scripts make", () => {
  const made = committedFiles();
  const present = readdirSync(modelsDirectory).filter((file) => /\.(onnx|bin)$/.test(file));
  assert.deepEqual(present.sort(), [...made.keys()].sort());
  for (const [file, bytes] of made)
    assert.ok(readFileSync(join(modelsDirectory, file)).equals(bytes), `${file}: run node test/models/make.mjs`);
});

test("the README lists every model", () => {
  const readme = readFileSync(join(modelsDirectory, "README.md"), "utf8");
  for (const file of [...committedFiles().keys(), ...Object.keys(generatedModels)])
    assert.match(readme, new RegExp(`\\b${file.replace(".onnx", "")}\\b`), `${file} is not in the README`);
});

test("generated models load", async () => {
  for (const file of Object.keys(generatedModels)) {
    const session = await referenceSession(modelPath(file.replace(".onnx", "")));
    assert.deepEqual(session.outputNames, ["y"]);
  }
});

test("cross_row depends on the other rows, slow and mlp_tiny do not", async () => {
  const first = floats([1, 4], [1, 2, 3, 4]);
  const run = async (name: string, x: typeof rows, extra = {}) =>
    list((await reference(modelPath(name), { x, ...extra })).y?.data).slice(0, 4);
  assert.notDeepEqual(await run("cross_row", rows), await run("cross_row", first));
  const alone = (await run("mlp_tiny", first)).slice(0, 3);
  for (const [at, score] of (await run("mlp_tiny", rows)).slice(0, 3).entries())
    assert.ok(Math.abs(score - (alone[at] as number)) < 1e-6);
  const both = await run("slow", rows, { iterations: tensor("int64", [2, 1], [0n, 9n]) });
  assert.deepEqual(both, await run("slow", first, { iterations: tensor("int64", [1, 1], [1n]) }));
});

test("zipmap labels the class with mlp_tiny's highest score", async () => {
  const { y } = await reference(modelPath("mlp_tiny"), { x: rows });
  const { label } = await reference(modelPath("zipmap"), { x: rows }, ["label"]);
  const scores = list(y?.data);
  const highest = [scores.slice(0, 3), scores.slice(3)].map((row) => BigInt(row.indexOf(Math.max(...row))));
  assert.deepEqual(Array.from(label?.data as BigInt64Array), highest);
});

test("an optional input has its default, external weights are found", async () => {
  const { y } = await reference(modelPath("optional_input"), { x: rows });
  assert.deepEqual(
    list(y?.data),
    list(rows.data).map((entry) => entry * 2),
  );
  const weights = new Float32Array(Uint8Array.from(readFileSync(join(modelsDirectory, "external.bin"))).buffer);
  const unit = await reference(modelPath("external"), { x: floats([1, 4], [0, 0, 1, 0]) });
  assert.deepEqual(list(unit.y?.data), list(weights.slice(6, 9)));
});
