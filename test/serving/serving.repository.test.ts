// SPDX-License-Identifier: Apache-2.0
// What is found in a directory, and what becomes of models that do not load.
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import { type LoadEvent, loadRepository } from "../../src/serving/load-repository.js";
import { scanRepository } from "../../src/serving/repository.js";
import { modelPath } from "../models/make.mjs";
import { makeRepository, removeRepository } from "../server/real-server.js";

const roots: string[] = [];
after(() => {
  for (const root of roots) rmSync(root, { recursive: true, force: true });
});

/** Files by path; their content does not matter to a scan. */
function files(...paths: string[]): string {
  const root = mkdtempSync(join(tmpdir(), "ortserve-scan-"));
  roots.push(root);
  for (const path of paths) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), "");
  }
  return root;
}

for (const [what, paths, message] of [
  ["an empty directory", [], /expected NAME\/VERSION\/model\.onnx below it, found no model/],
  ["only loose files", ["model.onnx", "a/readme.md"], /found no model/],
  ["only hidden directories", [".git/1/model.onnx"], /found no model/],
] as const) {
  test(`${what} is no repository`, async () => {
    await assert.rejects(scanRepository(files(...paths)), (error: Error & { code: string }) => {
      assert.equal(error.code, "ERR_MODEL_NOT_FOUND");
      assert.match(error.message, message);
      return true;
    });
  });
}

for (const [what, path, message] of [
  ["a version without a model", "m/1/weights.bin", /m\/1\/model\.onnx: no such file/],
  ["a config without a version", "m/config.yaml", /expected a version directory such as 1\/model\.onnx, found none/],
] as const) {
  test(`${what} is a fault of that model and of no other`, async () => {
    const { entries, faults } = await scanRepository(files(path, "good/1/model.onnx"));
    assert.deepEqual(
      entries.map(({ name }) => name),
      ["good"],
    );
    assert.equal(faults[0]?.name, "m");
    assert.match(faults[0]?.error.message ?? "", message);
  });
}

test("a default_version that is not there is a fault", async () => {
  const root = files("m/1/model.onnx", "m/3/model.onnx");
  writeFileSync(join(root, "m/config.yaml"), "default_version: 2");
  const { faults } = await scanRepository(root);
  assert.match(faults[0]?.error.message ?? "", /'default_version': expected one of 1, 3, got 2/);
});

test("whatever is wrong with one configuration is a fault of that model and of no other", async () => {
  const root = files("a/1/model.onnx", "b/1/model.onnx", "c/1/model.onnx", "d/1/model.onnx", "good/1/model.onnx");
  writeFileSync(join(root, "a/config.yaml"), "features: *cols");
  writeFileSync(join(root, "b/config.yaml"), "&a [*a]");
  writeFileSync(join(root, "c/config.yaml"), "warmup: {requests: [ &r {a: *r} ]}");
  writeFileSync(join(root, "d/config.pbtxt"), 'model_warmup [ { name: "w" count: -1 } ]');
  const { entries, faults } = await scanRepository(root);
  assert.deepEqual(
    entries.map(({ name }) => name),
    ["good"],
  );
  for (const { name, error } of faults) {
    assert.equal(error.code, "ERR_INVALID_CONFIG");
    assert.ok(error.message.startsWith(join(root, name, "config.")), error.message);
  }
  assert.equal(faults.length, 4);
});

test("two models of one name are a fault", async () => {
  const root = files("a/1/model.onnx", "b/1/model.onnx");
  writeFileSync(join(root, "b/config.yaml"), "name: a");
  const { entries, faults } = await scanRepository(root);
  assert.equal(entries.length, 1);
  assert.match(faults[0]?.error.message ?? "", /two models are named 'a'/);
});

test("versions are ordered as numbers; 0, words and loose files are none", async () => {
  const root = files(
    "m/10/model.onnx",
    "m/9/model.onnx",
    "m/1/model.onnx",
    "m/0/model.onnx",
    "m/old/model.onnx",
    "m/7",
  );
  const { entries } = await scanRepository(root);
  assert.deepEqual(
    entries[0]?.versions.map(({ version }) => version),
    ["1", "9", "10"],
  );
});

test("one model's own directory is a repository of one", async () => {
  const { entries } = await scanRepository(join(files("m/1/model.onnx"), "m"));
  assert.deepEqual(
    entries.map(({ name }) => name),
    ["m"],
  );
});

test("one file is a model under its name", async () => {
  const { entries } = await scanRepository(modelPath("mlp_tiny"));
  assert.equal(entries[0]?.name, "mlp_tiny");
  await assert.rejects(scanRepository(join(files("a.txt"), "a.txt")), /expected a model repository or an \.onnx file/);
});

const mixed = () => {
  const root = makeRepository({
    good: { versions: { 1: "mlp_tiny", 2: "corrupt" } },
    bad: { versions: { 1: "truncated" } },
  });
  roots.push(root);
  return root;
};

test("what loads is served, what does not is told and known", async () => {
  const events: LoadEvent[] = [];
  const models = await loadRepository(mixed(), { onEvent: (event) => events.push(event) });
  assert.deepEqual(models.names, ["good"]);
  assert.equal(models.find("good", "").version, "1");
  const ended = events.map(({ kind, name, version }) => `${kind} ${name} ${version}`).sort();
  assert.deepEqual(ended, ["failed bad 1", "failed good 2", "loaded good 1"]);
  assert.throws(() => models.find("good", "2"), {
    code: "ERR_MODEL_CLOSED",
    message: /version 2 is not at ready state/,
  });
  assert.throws(() => models.find("bad", ""), { code: "ERR_MODEL_NOT_FOUND", message: /has no available versions/ });
  assert.throws(() => models.find("nope", ""), { code: "ERR_MODEL_NOT_FOUND", message: /'nope' is not found/ });
  assert.throws(() => models.find("good", "9"), { code: "ERR_MODEL_NOT_FOUND", message: /version 9 is not found/ });
  await models.close();
});

test("strict refuses a repository with one broken model", async () => {
  await assert.rejects(loadRepository(mixed(), { strict: true }), {
    code: "ERR_LOAD_FAILED",
    message: /not every model could be loaded: .*and 1 more/s,
  });
});

test("a repository in which nothing loads is refused", async () => {
  const root = makeRepository({ bad: { versions: { 1: "empty" } } });
  await assert.rejects(loadRepository(root), { code: "ERR_LOAD_FAILED", message: /no model could be loaded/ });
  removeRepository(root);
});

test("with one lane, versions load one after the other", async () => {
  const versions = Object.fromEntries(Array.from({ length: 6 }, (_, i) => [String(i + 1), "mlp_tiny"]));
  const root = makeRepository({ many: { versions } });
  const order: string[] = [];
  const models = await loadRepository(root, { concurrency: 1, onEvent: ({ version }) => order.push(version) });
  assert.deepEqual(order, ["1", "2", "3", "4", "5", "6"]);
  await models.close();
  removeRepository(root);
});
