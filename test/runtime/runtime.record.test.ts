// SPDX-License-Identifier: Apache-2.0
// Recording what a model runs on: refused where it cannot work, exact where it does, bounded, and readable by what calibrates.
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { Model, type RecordOptions, Tensor } from "../../src/index.js";
import { loadSamples } from "../../src/optimize/data/load-samples.js";
import { modelPath } from "../models/make.mjs";

const folder = mkdtempSync(join(tmpdir(), "ortserve-record-"));
after(() => rmSync(folder, { recursive: true, force: true }));
let made = 0;
const fresh = () => join(folder, `${made++}`);

const row = (value: number) => Float32Array.of(value, 1, 2, 3);
const everything = { rate: 1 };

async function using<T>(name: string, task: (model: Model) => Promise<T>, options = {}): Promise<T> {
  const model = await Model.load(modelPath(name), options);
  return task(model).finally(() => model.close());
}

/** Runs `values` through the model while it is recorded, and gives back the samples. */
async function recorded(model: Model, values: readonly number[], directory = fresh(), options: RecordOptions = {}) {
  const recording = await model.record(directory, { ...everything, ...options });
  for (const value of values) await model.predict(row(value));
  await recording.close();
  return { recording, directory };
}

async function firstElements(directory: string, model: Model): Promise<number[]> {
  const samples = await loadSamples(directory, model.metadata.inputs);
  const all = await Promise.all(Array.from({ length: samples.count }, (_, index) => samples.inputs(index)));
  return all.map((inputs) => Number(Object.values(inputs as Record<string, Tensor>)[0]?.data[0])).sort((a, b) => a - b);
}

describe("a recording that cannot be", () => {
  const refused = (message: RegExp) => ({ code: "ERR_INVALID_ARGUMENT", message });

  test("is refused for wrong options", () =>
    using("mlp_tiny", async (model) => {
      await assert.rejects(model.record(fresh(), { rate: 0 }), refused(/rate/));
      await assert.rejects(model.record(fresh(), { maxSamples: 0.5 }), refused(/maxSamples/));
      await assert.rejects(model.record(fresh(), { limit: 3 } as never), refused(/limit/));
    }));

  test("is refused where nothing can be written, and can be begun elsewhere", () =>
    using("mlp_tiny", async (model) => {
      const file = fresh();
      writeFileSync(file, "no directory");
      await assert.rejects(model.record(join(file, "below")), refused(/cannot record samples in .*below: /));
      await recorded(model, [1]);
    }));

  test("is refused for datatypes that NumPy lacks", async () => {
    for (const [name, datatype] of [
      ["ident_string", "BYTES"],
      ["ident_bf16", "BF16"],
    ] as const)
      await using(name, (model) =>
        assert.rejects(model.record(fresh()), { code: "ERR_UNSUPPORTED", message: new RegExp(datatype) }),
      );
  });

  test("is refused beside another of the same model", () =>
    using("mlp_tiny", async (model) => {
      const recording = await model.record(fresh());
      await assert.rejects(model.record(fresh()), refused(/is being recorded already/));
      await recording.close();
      await (await model.record(fresh())).close();
    }));
});

describe("a recording", () => {
  test("has each row that ran, and nothing from before or after it", () =>
    using("mlp_tiny", async (model) => {
      await model.predict(row(100));
      const { directory, recording } = await recorded(model, [1, 2]);
      await model.predict(row(200));
      assert.deepEqual(await firstElements(directory, model), [1, 2]);
      assert.equal(recording.written.samples, 2);
      assert.equal(recording.dropped, 0);
    }));

  test("has the rows of a request one by one", () =>
    using("mlp_tiny", async (model) => {
      const directory = fresh();
      const recording = await model.record(directory, everything);
      await model.predict(new Tensor("FP32", Float32Array.of(5, 0, 0, 0, 6, 0, 0, 0, 7, 0, 0, 0), [3, 4]));
      await recording.close();
      assert.deepEqual(await firstElements(directory, model), [5, 6, 7]);
    }));

  test("has lent memory as it was", () =>
    using("mlp_tiny", async (model) => {
      const directory = fresh();
      const recording = await model.record(directory, everything);
      await model.predict(row(9), { transfer: true });
      await recording.close();
      assert.deepEqual(await firstElements(directory, model), [9]);
    }));

  test("has several inputs in one file, and those that did not come left out", () =>
    using("optional_input", async (model) => {
      const directory = fresh();
      const recording = await model.record(directory, everything);
      const x = new Tensor("FP32", Float32Array.of(1, 2, 3, 4), [1, 4]);
      const scale = new Tensor("FP32", Float32Array.of(3), [1]);
      await model.predict({ x });
      await model.predict({ x, scale });
      await recording.close();
      const names = readdirSync(directory).filter((name) => /\.npz$/.test(name));
      assert.equal(names.length, 2);
      const samples = await Promise.all(
        names.map(async (name) => (await loadSamples(join(directory, name), model.metadata.inputs)).inputs(0)),
      );
      samples.sort((a, b) => Object.keys(a).length - Object.keys(b).length);
      assert.deepEqual(samples, [{ x }, { x, scale }]);
    }));

  test("has requests of an unbatched model whole", () =>
    using("not_batched", async (model) => {
      const directory = fresh();
      const recording = await model.record(directory, everything);
      const [spec] = model.metadata.inputs;
      const dims = (spec?.shape ?? []).map((dim) => (dim < 0 ? 2 : dim));
      const input = new Tensor("FP32", new Float32Array(dims.reduce((a, b) => a * b, 1)).fill(3), dims);
      await model.predict(input);
      await recording.close();
      const samples = await loadSamples(directory, model.metadata.inputs);
      assert.deepEqual(await samples.inputs(0), { [spec?.name ?? ""]: input });
    }));

  test("has no request that failed, and none that the cache answered", async () => {
    await using("mlp_tiny", async (model) => {
      const directory = fresh();
      const recording = await model.record(directory, everything);
      await assert.rejects(model.predict(new Float32Array(3)));
      await recording.close();
      assert.deepEqual(readdirSync(directory), []);
    });
    await using(
      "mlp_tiny",
      async (model) => {
        const { directory } = await recorded(model, [4, 4, 4]);
        assert.deepEqual(await firstElements(directory, model), [4]);
      },
      { cache: true },
    );
  });

  test("ends at its limits, those of the last time counted", () =>
    using("mlp_tiny", async (model) => {
      const reasons: string[] = [];
      const limits = { maxSamples: 3, onEnd: (reason: string) => reasons.push(reason) };
      const { directory } = await recorded(model, [1, 2], fresh(), limits);
      assert.deepEqual(reasons, []);
      await recorded(model, [3, 4, 5], directory, limits);
      assert.equal(readdirSync(directory).length, 3);
      await recorded(model, [6], directory, limits);
      assert.equal(readdirSync(directory).length, 3);
      assert.match(reasons.at(-1) ?? "", /there are 3 samples of \d+ bytes already/);
      const { recording } = await recorded(model, [1, 2, 3], fresh(), { maxBytes: 400 });
      assert.equal(recording.written.samples, 2, "each takes 144 bytes");
    }));

  test("ends when its directory goes away, and predictions do not", () =>
    using("mlp_tiny", async (model) => {
      const directory = fresh();
      let reason = "";
      const onEnd = (why: string) => {
        reason = why;
      };
      await model.record(directory, { ...everything, onEnd });
      rmSync(directory, { recursive: true });
      while (reason === "") await model.predict(row(1));
      assert.match(reason, /cannot write to .*ENOENT/);
      await model.predict(row(2));
    }));

  test("is read by this user only, and leaves no draft behind", () =>
    using("mlp_tiny", async (model) => {
      const directory = fresh();
      mkdirSync(directory);
      for (const [name, age] of [
        [".1-old.npy.part", 3600],
        [".2-new.npy.part", 0],
      ] as const) {
        writeFileSync(join(directory, name), "half a file");
        const time = Date.now() / 1000 - age;
        utimesSync(join(directory, name), time, time);
      }
      await recorded(model, [1], directory);
      const names = readdirSync(directory).sort();
      assert.equal(names.length, 2);
      assert.equal(names[0], ".2-new.npy.part", "somebody else may be writing it");
      assert.deepEqual(await firstElements(directory, model), [1], "what is unfinished is not read");
      if (process.platform !== "win32") assert.equal(statSync(join(directory, names[1] ?? "")).mode & 0o777, 0o600);
    }));

  test("is told in the statistics", () =>
    using("mlp_tiny", async (model) => {
      await recorded(model, [1, 2, 3]);
      assert.deepEqual(model.stats().samples, { kept: 3, dropped: 0 });
    }));
});
