// SPDX-License-Identifier: Apache-2.0
// The gate before a changed model is written: infinities and NaN in outputs, and labels that say nothing.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, lstatSync, symlinkSync } from "node:fs";
import { describe, it } from "node:test";
import { goalsOf, missedGoals, passesQuality } from "../../src/optimize/judge/goals.js";
import { OutputError } from "../../src/optimize/judge/output-error.js";
import { readModel, writeModel } from "../../src/optimize/onnx/model-file.js";
import { quantizeModel } from "../../src/optimize/quantize/quantize.js";
import { Tensor } from "../../src/runtime/tensor.js";
import { draftPath, networks, writeDraft } from "./model-files.js";
import { npy, npz } from "./sample-files.js";

const row = (...values: number[]) => new Tensor("FP32", Float32Array.from(values), [1, values.length]);

describe("judging outputs with infinities", () => {
  it("takes equal infinities and NaN for no noise", () => {
    const error = new OutputError();
    error.add(row(1, -Infinity, Number.NaN), row(1, -Infinity, Number.NaN));
    assert.equal(error.nonFinite, false);
    assert.deepEqual(error.summary("y"), { name: "y", sqnr: 200, cosine: 1, agreement: 1 });
  });

  for (const [before, after] of [
    [-Infinity, 0],
    [0, Number.NaN],
    [Infinity, -Infinity],
  ] as const)
    it(`tells ${before} from ${after}`, () => {
      const error = new OutputError();
      error.add(row(1, before), row(1, after));
      assert.equal(error.nonFinite, true);
      assert.equal(error.summary("y").sqnr, -200);
    });

  it("reaches no goal with what could not be measured", () => {
    const goals = goalsOf({ maxDrop: 1, minSqnr: 20, minSpeedup: 0 });
    const good = { samples: 1, outputs: [], sqnr: 40, drop: 0, dropOf: "agreement" } as const;
    assert.equal(passesQuality(good, goals), true);
    assert.deepEqual(missedGoals(good, undefined, goals), []);
    for (const bad of [{ drop: Number.NaN }, { sqnr: Number.NaN }, { nonFinite: ["'y'"] }]) {
      assert.equal(passesQuality({ ...good, ...bad }, goals), false);
      assert.equal(missedGoals({ ...good, ...bad }, undefined, goals).length, 1);
    }
  });
});

describe("labels of samples", () => {
  const quantize = (name: string, labels: Buffer) =>
    quantizeModel({
      model: networks.digits,
      output: draftPath(`${name}.onnx`),
      calibration: writeDraft(
        `${name}.npz`,
        npz({
          image: npy(
            [8, 28, 28, 1],
            Float32Array.from({ length: 6272 }, (_, i) => (i % 29) / 29),
          ),
          labels,
        }),
      ),
      minSpeedup: 0,
      maxDrop: 1,
    });

  for (const [name, value] of [
    ["beyond", 99],
    ["negative", -1],
    ["broken", 1.5],
  ] as const)
    it(`refuses ${value}`, async () => {
      const labels = npy([8], new Float32Array(8).fill(value));
      await assert.rejects(quantize(name, labels), new RegExp(`whole class indices from 0 to 9 .*got ${value}`));
      assert.equal(existsSync(draftPath(`${name}.onnx`)), false);
    });

  it("refuses one-hot rows", async () => {
    await assert.rejects(quantize("hot", npy([8, 3], new Float32Array(24))), /one class index per sample.*\[8,3\]/);
  });
});

describe("files that a changed model cannot go to", () => {
  const run = (...words: string[]) =>
    spawnSync(process.execPath, ["--import", "tsx", "src/cli/main.ts", "quantize", networks.digits, ...words], {
      encoding: "utf8",
    });

  it("refuses a pipe, and leaves it", () => {
    const pipe = draftPath("pipe");
    execFileSync("mkfifo", [pipe]);
    const { status, stderr } = run("--calib", "random", "-o", pipe);
    assert.equal(status, 2);
    assert.match(stderr, /^ortserve: .*no regular file\n$/);
    assert.equal(lstatSync(pipe).isFIFO(), true);
  });

  it("refuses a report without a folder before any work", () => {
    const output = draftPath("unreported.onnx");
    const { status, stderr } = run("--calib", "random", "-o", output, "--report", draftPath("nosuch/r"));
    assert.equal(status, 2);
    assert.match(stderr, /^ortserve: --report .*there is no directory .*\n$/);
    assert.equal(existsSync(output), false);
  });

  it("writes where a link points to", async () => {
    const [target, link] = [writeDraft("target.onnx", new Uint8Array(1)), draftPath("link.onnx")];
    symlinkSync(target, link);
    writeModel(link, await readModel(networks.digits));
    assert.equal(lstatSync(link).isSymbolicLink(), true);
    assert.ok(lstatSync(target).size > 1000);
  });
});
