// SPDX-License-Identifier: Apache-2.0
// Claim: a network that was pruned, then quantized, and takes bytes is served several times as fast as the original, in a quarter of the
// bytes per request, at nearly its accuracy. Run it with
//   node --import tsx bench/optimize/served.bench.ts [MODEL.onnx]
// The model takes FP32 `image` [batch, 28, 28, 1]; by default digits with 2.5 times the sample model's channels.
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { argv, exit } from "node:process";
import { pruneModel } from "../../src/optimize/prune/prune.js";
import { quantizeModel } from "../../src/optimize/quantize/quantize.js";
import { byteText, columns } from "../../src/optimize/report/format.js";
import { argmax, heldOutDigits, pixelsPerDigit } from "../../test/samples/held-out-digits.js";
import { trainingDigitArrays } from "../../test/samples/training-digits.js";
import { ServerProcess } from "../compare/process.js";
import { launchOrtserve } from "../compare/servers.js";
import { summarizeWindows } from "../compare/summary.js";
import { closedLoop, RequestFiles } from "../load/load.js";
import type { Window } from "../results.js";
import { type BenchRequest, binaryRequest } from "../workloads.js";

const [rounds, seconds, connections, samples] = [5, 2, 64, 512];
const digits = heldOutDigits();

interface Contender {
  readonly title: string;
  readonly file: string;
  readonly datatype: "FP32" | "UINT8";
}

/** Rows [from, to) as one binary request of the Open Inference Protocol. */
function request(datatype: Contender["datatype"], from: number, to: number): BenchRequest {
  const pixels = digits.pixels.slice(from * pixelsPerDigit, to * pixelsPerDigit);
  const data = datatype === "FP32" ? pixels : Uint8Array.from(pixels, (value) => Math.round(255 * value));
  const input = { name: "image", shape: [to - from, 28, 28, 1], datatype };
  return { ...binaryRequest("digits", input, data, "probabilities"), expected: new Float32Array() };
}

class Subject {
  readonly contender: Contender;
  readonly windows: Window[] = [];
  private readonly server: ServerProcess;
  private readonly files: RequestFiles;
  readonly requestBytes: number;

  private constructor(contender: Contender, server: ServerProcess) {
    this.contender = contender;
    this.server = server;
    const one = request(contender.datatype, 0, 1);
    this.files = new RequestFiles(one);
    this.requestBytes = one.body.length;
  }

  static async start(contender: Contender, folder: string): Promise<Subject> {
    const version = join(folder, contender.title, "digits", "1");
    mkdirSync(version, { recursive: true });
    copyFileSync(contender.file, join(version, "model.onnx"));
    const repository = join(folder, contender.title);
    const subject = new Subject(contender, await ServerProcess.start((port) => launchOrtserve(repository, port)));
    await subject.load(1);
    return subject;
  }

  /** Share of the held-out digits that the server answers rightly. */
  async accuracy(): Promise<number> {
    const step = 100;
    let right = 0;
    for (let from = 0; from < digits.labels.length; from += step) {
      const { headers, body } = request(this.contender.datatype, from, from + step);
      const reply = await fetch(this.url, { method: "POST", headers, body: new Uint8Array(body) });
      if (!reply.ok) throw new Error(`status ${reply.status}: ${await reply.text()}`);
      const head = Number(reply.headers.get("inference-header-content-length"));
      const scores = new Float32Array((await reply.arrayBuffer()).slice(head));
      right += argmax(scores, 10).filter((digit, i) => digit === digits.labels[from + i]).length;
    }
    return right / digits.labels.length;
  }

  async measure(): Promise<void> {
    this.server.resume();
    this.windows.push(await this.server.meter(() => this.load(seconds)));
    this.server.pause();
  }

  pause(): void {
    this.server.pause();
  }

  async stop(): Promise<void> {
    this.server.resume();
    await this.server.stop();
    this.files.dispose();
  }

  private load(forSeconds: number) {
    return closedLoop(new URL(this.url), this.files, connections, forSeconds);
  }

  private get url(): string {
    return `http://127.0.0.1:${this.server.port}/v2/models/digits/infer`;
  }
}

async function contendersFrom(model: string, folder: string): Promise<Contender[]> {
  const calibration = join(folder, "calibration.npz");
  writeFileSync(calibration, trainingDigitArrays(samples));
  const file = (name: string) => join(folder, `${name}.onnx`);
  const options = { calibration, maxSamples: samples, minSpeedup: 0, maxDrop: 0.02 };
  await pruneModel({ ...options, model, output: file("pruned") });
  await quantizeModel({ ...options, model, output: file("int8"), inputU8: true });
  await quantizeModel({ ...options, model: file("pruned"), output: file("both"), inputU8: true });
  return [
    { title: "FP32", file: model, datatype: "FP32" },
    { title: "pruned", file: file("pruned"), datatype: "FP32" },
    { title: "INT8, UINT8 input", file: file("int8"), datatype: "UINT8" },
    { title: "pruned, INT8, UINT8 input", file: file("both"), datatype: "UINT8" },
  ];
}

async function benchmark(model: string, folder: string): Promise<string[][]> {
  const subjects: Subject[] = [];
  const rights = new Map<Subject, number>();
  for (const contender of await contendersFrom(model, folder)) {
    const subject = await Subject.start(contender, folder);
    rights.set(subject, await subject.accuracy());
    subject.pause();
    subjects.push(subject);
  }
  for (let round = 0; round < rounds; round++) for (const subject of subjects) await subject.measure();
  await Promise.all(subjects.map((subject) => subject.stop()));
  return subjects.map((subject) => row(subject, rights.get(subject) ?? Number.NaN));
}

function row({ contender, windows, requestBytes }: Subject, accuracy: number): string[] {
  const { requestsPerSecond, cpuMicrosPerRequest, p50, p99, failed } = summarizeWindows(contender.title, windows, 1);
  if (failed > 0) throw new Error(`${contender.title}: ${failed} requests failed`);
  return [
    contender.title,
    Math.round(requestsPerSecond).toLocaleString("en-US"),
    `${cpuMicrosPerRequest.toFixed(1)} us`,
    `${(p50 / 1000).toFixed(2)} ms`,
    `${(p99 / 1000).toFixed(2)} ms`,
    `${requestBytes} B`,
    byteText(statSync(contender.file).size),
    `${(100 * accuracy).toFixed(2)} %`,
  ];
}

const folder = mkdtempSync(join(tmpdir(), "ortserve-served-"));
const wide = join(import.meta.dirname, "..", "..", "test", "optimize", "wide-digits.onnx");
try {
  const head = ["model", "requests/s", "CPU per request", "p50", "p99", "request", "file", "right"];
  const rows = await benchmark(argv[2] ?? wide, folder);
  console.log(`${cpus()[0]?.model}, ${cpus().length} cores, ${connections} connections, rounds in turns\n`);
  console.log(columns([head, ...rows], 1));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
exit(0);
