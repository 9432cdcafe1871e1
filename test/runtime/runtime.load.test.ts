// SPDX-License-Identifier: Apache-2.0
// Model.load: what it refuses and how it says so, what it finds out, what it shares.
import assert from "node:assert/strict";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { Model, type ModelOptions, OrtserveError, startEngine } from "../../src/index.js";
import { modelPath, modelsDirectory } from "../models/make.mjs";

const simple = modelPath("simple");

const wrongOptions: [options: unknown, message: RegExp][] = [
  [{ instance: 2 }, /unknown model option 'instance', did you mean 'instances'\?/],
  [{ zzz: 1 }, /unknown model option 'zzz'; known: name, version, providers/],
  [{ instances: 0 }, /expected an integer from 1 to 1024 for model option 'instances', got 0/],
  [{ instances: "2" }, /for model option 'instances', got "2"/],
  [{ maxDelayMs: Number.NaN }, /expected a number from 0 to 3600000 or "auto" for model option 'maxDelayMs', got NaN/],
  [{ maxDelayMs: "some" }, /expected a number from 0 to 3600000 or "auto" for model option 'maxDelayMs', got "some"/],
  [{ padTo: 4 }, /expected an array of row counts from 1 to 65536 for model option 'padTo', got 4/],
  [{ bucketAxes: { width: { sizes: [] } } }, /expected one size or more in bucketAxes.width.sizes/],
  [{ bucketAxes: { width: { sizes: [4], padValues: { x: "0" } } } }, /expected an object of numbers by input/],
  [{ padTo: [0] }, /expected an array of row counts/],
  [{ preferredBatchRows: [2.5] }, /expected an array of row counts .* for model option 'preferredBatchRows'/],
  [{ padTo: [4, 8], maxBatchRows: 9 }, /expected maxBatchRows of at most the largest size of padTo, 8, got 9/],
  [{ priorityLevels: 2, defaultPriority: 3 }, /expected a defaultPriority of at most priorityLevels, 2, got 3/],
  [{ onQueueTimeout: "wait" }, /expected one of "reject", "delay" for model option 'onQueueTimeout', got "wait"/],
  [{ batching: "on" }, /expected one of "auto", "off", "whole", true, false for model option 'batching', got "on"/],
  [{ mode: 7 }, /expected one of "throughput", "latency" for model option 'mode', got 7/],
  [{ providers: "cpu" }, /expected an array of providers for model option 'providers', got "cpu"/],
  [{ providers: [{ nme: "cpu" }] }, /unknown provider option 'nme', did you mean 'name'\?/],
  [{ providers: [{ options: {} }] }, /expected a name in a provider/],
  [{ providers: ["cpuu"] }, /cpuu/],
  [{ sessionOptions: { a: {} } }, /expected an object of strings, numbers and booleans/],
  [{ sessionOptions: { "session.intra_op.allow_spining": "0" } }, /allow_spinning/],
  [{ features: { INPUT0: [1] } }, /expected an object of arrays of column names/],
  [{ features: { INPUT9: ["a"] } }, /'features' names the input 'INPUT9'/],
  [{ features: { INPUT0: ["a", "b"] } }, /expected 16 features for input 'INPUT0' \[-1,16\], got 2/],
  [{ engine: 3 }, /expected an object of engine options/],
  [7, /expected an object of model options, got 7/],
];

for (const [options, message] of wrongOptions) {
  test(`options ${JSON.stringify(options)} are refused`, async () => {
    await assert.rejects(Model.load(simple, options as ModelOptions), (error: OrtserveError) => {
      assert.equal(error.code, "ERR_INVALID_ARGUMENT");
      assert.match(error.message, message);
      return true;
    });
  });
}

test("paths that are no paths are refused", async () => {
  const invalid = { name: "OrtserveError", code: "ERR_INVALID_ARGUMENT" };
  await assert.rejects(Model.load(undefined as never), invalid);
  await assert.rejects(Model.load(""), invalid);
  await assert.rejects(Model.load(new URL("http://127.0.0.1/m.onnx")), /expected a file: URL/);
});

test("a missing file and a folder are not found", async () => {
  const missing = join(modelsDirectory, "absent.onnx");
  await assert.rejects(Model.load(missing), (error: OrtserveError) => {
    assert.equal(error.code, "ERR_MODEL_NOT_FOUND");
    assert.ok(error.message.includes(missing), error.message);
    return true;
  });
  await assert.rejects(Model.load(modelsDirectory), { code: "ERR_MODEL_NOT_FOUND" });
});

for (const name of ["corrupt", "truncated", "empty"]) {
  test(`the ${name} file does not load`, async () => {
    await assert.rejects(Model.load(modelPath(name)), (error: OrtserveError) => {
      assert.ok(error instanceof OrtserveError);
      assert.equal(error.code, "ERR_LOAD_FAILED");
      return true;
    });
  });
}

test("a required provider that cannot be used fails the load; an optional one is skipped with its reason", async (t) => {
  const probe = await Model.load(simple, { providers: ["cuda", "cpu"] });
  const cuda = probe.metadata.providers.find((provider) => provider.name === "cuda");
  await probe.close();
  if (cuda?.active) return t.skip("this machine has CUDA");
  assert.ok(cuda && cuda.reason.length > 0);
  assert.deepEqual(
    probe.metadata.providers.filter((provider) => provider.active).map((provider) => provider.name),
    ["cpu"],
  );
  for (const options of [
    { strict: true, providers: ["cuda", "cpu"] },
    { providers: [{ name: "cuda", required: true }] },
  ]) {
    await assert.rejects(Model.load(simple, options), { code: "ERR_PROVIDER_UNAVAILABLE" });
  }
});

test("metadata says what the file declares", async () => {
  const model = await Model.load(pathToFileURL(simple));
  assert.equal(model.metadata.name, "simple");
  assert.equal(model.metadata.version, "1");
  assert.deepEqual(
    model.metadata.inputs.map(({ name, datatype, shape }) => ({ name, datatype, shape })),
    [
      { name: "INPUT0", datatype: "INT32", shape: [-1, 16] },
      { name: "INPUT1", datatype: "INT32", shape: [-1, 16] },
    ],
  );
  assert.deepEqual(model.metadata.inputs[0]?.dimNames, ["batch", ""]);
  assert.equal(model.metadata.batched, true);
  assert.ok(model.metadata.costCurve.length > 0);
  assert.ok(model.metadata.costCurve.every((point) => point.micros > 0));
  await model.close();
});

test("batching is found out by running, and can be overruled", async () => {
  const batched = async (name: string, options?: ModelOptions) => {
    const model = await Model.load(modelPath(name), options);
    await model.close();
    assert.ok(model.metadata.batchingReason.length > 0);
    return model.metadata.batched;
  };
  assert.equal(await batched("cross_row"), false);
  assert.equal(await batched("cross_numbers"), false);
  assert.equal(await batched("cross_words"), false);
  assert.equal(await batched("not_batched"), false);
  assert.equal(await batched("fixed_batch"), false);
  assert.equal(await batched("seq_tensor"), false);
  assert.equal(await batched("rowsum"), true);
  assert.equal(await batched("simple"), true);
  assert.equal(await batched("simple", { batching: "whole" }), false);
});

test("instances x threads stay within the cores; latency mode puts them all into one run", async () => {
  const { cores } = startEngine();
  const throughput = await Model.load(simple);
  assert.equal(throughput.metadata.instances * throughput.metadata.intraOpThreads, cores);
  const latency = await Model.load(simple, { mode: "latency" });
  assert.equal(latency.metadata.instances, 1);
  assert.equal(latency.metadata.intraOpThreads, cores);
  const { sum } = {
    sum: await latency.predict({ INPUT0: new Int32Array(16).fill(2), INPUT1: new Int32Array(16).fill(3) }),
  };
  assert.deepEqual(sum.OUTPUT0?.data, new Int32Array(16).fill(5));
  await Promise.all([throughput.close(), latency.close()]);
});

test("external weights are found beside the file", async () => {
  const model = await Model.load(modelPath("external"));
  const { y } = await model.predict({ x: [[1, 2, 3, 4]] });
  assert.deepEqual(y?.shape, [1, 3]);
  await model.close();
});

test("a path beyond ASCII loads", async () => {
  const folder = mkdtempSync(join(tmpdir(), "ortserve-ünïcode-模型-"));
  const path = join(folder, "模型.onnx");
  copyFileSync(simple, path);
  const model = await Model.load(path);
  assert.equal(model.metadata.name, "模型");
  await model.close();
  rmSync(folder, { recursive: true });
});

test("a model can be attached by its id until it is gone", async () => {
  assert.throws(() => Model.attach(987654), { code: "ERR_MODEL_NOT_FOUND" });
  assert.throws(() => Model.attach("1" as never), { code: "ERR_MODEL_NOT_FOUND" });
  const model = await Model.load(simple);
  const second = Model.attach(model.id);
  assert.equal(second.id, model.id);
  assert.deepEqual(second.metadata, model.metadata);
  await second.predict({ INPUT0: new Int32Array(16), INPUT1: new Int32Array(16) });
  assert.equal(model.stats().requests, 1);
  await model.close();
});
