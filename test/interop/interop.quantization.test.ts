// SPDX-License-Identifier: Apache-2.0
// onnxruntime.quantization as PyPI has it: it makes the numbers that our tests are compared with, and digits are read no better by it.
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { compareLoaded } from "../../src/optimize/judge/speed.js";
import { Workbench } from "../../src/optimize/run/workbench.js";
import { Tensor } from "../../src/runtime/tensor.js";
import { compareDigits } from "../optimize/digit-samples.js";
import { goldenModels } from "../optimize/golden/models.js";
import { networks } from "../optimize/model-files.js";
import { npy } from "../optimize/sample-files.js";
import { trainingDigits } from "../samples/training-digits.js";
import { inEnvironment, runProgram } from "./python-checks.js";

const folder = mkdtempSync(join(tmpdir(), "ortserve-interop-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const file = (name: string) => join(folder, name);
const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));
const python = inEnvironment("quantization/bin/python");

/** The last line that a program prints, as JSON. */
async function outcome(program: string, words: readonly string[]) {
  const { code, stdout, stderr } = await runProgram(program, words);
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout.trim().split("\n").at(-1) ?? "{}");
}

test("makes the golden numbers anew", async () => {
  for (const [name, build] of Object.entries(goldenModels)) writeFileSync(file(`${name}.onnx`), build());
  const { code, stderr } = await runProgram(python, [path("../optimize/golden/make.py"), folder, file("parity.json")]);
  assert.equal(code, 0, stderr);
  const [made, golden] = [file("parity.json"), path("../optimize/golden/parity.json")].map((name) =>
    JSON.parse(readFileSync(name, "utf8")),
  );
  assert.deepEqual(made.ranges, golden.ranges);
  assert.deepEqual(made.values, golden.values);
  assert.deepEqual(Object.keys(made.models), Object.keys(golden.models));
  for (const [name, { activations, weights }] of Object.entries<typeof made>(made.models)) {
    assert.deepEqual(weights, golden.models[name].weights, name);
    for (const [tensor, { scale, zeroPoint }] of Object.entries<{ scale: number; zeroPoint: number }>(activations)) {
      const expected = golden.models[name].activations[tensor];
      // Another processor adds in another order.
      assert.ok(Math.abs(scale / expected.scale - 1) < 1e-5 && zeroPoint === expected.zeroPoint, `${name}: ${tensor}`);
    }
  }
});

test("reads the held-out digits no better than ours, of the same samples", async (t) => {
  const count = 256;
  const samples = file("digits.npy");
  writeFileSync(samples, npy([count, 28, 28, 1], trainingDigits(count).pixels));
  const model = networks.wideDigits;
  const own = ["--import", "tsx", path("../../bench/optimize/own.ts")];
  const peer = path("../../bench/optimize/peer.py");
  const costs = {
    ortserve: await outcome(process.execPath, [...own, model, file("ortserve.onnx"), samples, "static"]),
    static: await outcome(python, [peer, model, file("static.onnx"), samples, "static"]),
    "static-u8": await outcome(python, [peer, model, file("static-u8.onnx"), samples, "static-u8"]),
  };
  const bench = new Workbench();
  const inputs = { image: new Tensor("FP32", new Float32Array(784), [1, 28, 28, 1]) };
  const drops: number[] = [];
  for (const [maker, { seconds, peakBytes }] of Object.entries(costs)) {
    const { drop, sqnr } = await compareDigits(file(`${maker}.onnx`), undefined, model);
    const made = file(`${maker}.onnx`);
    const { speedup } = await compareLoaded(bench, { source: model, inputs }, { source: made, inputs }, 300);
    const memory = Math.round(peakBytes / 2 ** 20);
    t.diagnostic(
      `${maker}: accuracy drops by ${(100 * drop).toFixed(2)} %, ${sqnr.toFixed(1)} dB, ${speedup.toFixed(2)} x; took ${seconds.toFixed(1)} s and ${memory} MiB`,
    );
    drops.push(drop);
  }
  bench.close();
  const [ours = 1, ...theirs] = drops;
  assert.ok(ours <= 0.003 && ours <= Math.min(...theirs) + 0.001, `accuracy drops by ${drops.join(", ")}`);
});
